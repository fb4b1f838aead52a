import type { ImagesClient } from '../azure/types.ts'
import type { CallContext, Tool } from '../calls/types.ts'
import { serviceError } from '../errors/errors.ts'
import type { Size } from '../imaging/types.ts'
import type { ImageStore } from '../library/image-store.ts'
import { publishedProperties } from '../parameters/arguments.ts'
import {
  commonArguments,
  type EditArguments,
  imageCost,
  type LibraryFeatures,
  modelArgument,
  promptArgument,
  resultFacts,
  sourceArguments,
  toolSchema,
} from './arguments.ts'
import { checkPrompt } from './check-prompt.ts'
import { pencilIcon } from './icons.ts'
import type { ImageInputs } from './image-inputs.ts'
import type { ImageQuestions } from './image-questions.ts'
import type { ImageResults } from './image-results.ts'
import { rejectBytes } from './image-sources.ts'
import { checkMaskArguments, maskArguments } from './mask-arguments.ts'
import { deploymentsFor, ignoredBy, planRequest, selectDeployment } from './select-deployment.ts'
import { completeSize, withoutSize } from './size-question.ts'
import { shownInStudio } from './studio-app.ts'

export interface EditImageOptions extends LibraryFeatures {
  azure: ImagesClient
  store: ImageStore
  inputs: ImageInputs
  /** Undefined without the library. */
  questions: ImageQuestions | undefined
  results: ImageResults
  /** Pixels of an edit without a size, which has the shape of the image. */
  defaultEditMaxPixels: number
}

/** Edits an image that the client sends; `undefined` if no configured model edits. */
export function editImage(options: EditImageOptions): Tool | undefined {
  const { azure, store, inputs, questions, results, defaultEditMaxPixels, hasLibrary } = options
  const deployments = deploymentsFor('edit', azure)
  const [first] = deployments
  if (first === undefined) return undefined
  const models = deployments.map(({ capabilities }) => capabilities)
  const inputSchema = toolSchema<EditArguments>({
    ...sourceArguments(inputs),
    prompt: promptArgument(
      'What to change and what to keep, such as "make the sky pink, leave everything else as it is".',
      first.capabilities,
    ),
    ...modelArgument(deployments),
    ...publishedProperties(models, {
      operation: 'edit',
      hasLibrary,
      defaultSize: `that of the image, at most ${defaultEditMaxPixels} pixels`,
    }),
    ...maskArguments(models),
    ...commonArguments(options),
  })

  const defaultSizeOf = ({ width, height }: Size) => ({
    width,
    height,
    pixels: Math.min(width * height, defaultEditMaxPixels),
  })

  /** Everything that can be checked before the images are read. */
  async function prepare(args: EditArguments) {
    checkPrompt(args.prompt)
    const facts = resultFacts(args, options)
    const deployment = selectDeployment('edit', args, deployments)
    checkMaskArguments(args, deployment.capabilities)
    const target = args.output_path === undefined ? undefined : await store.resolve(args.output_path)
    return { facts, deployment, target }
  }

  const tool: Tool<typeof inputSchema> = {
    name: 'edit_image',
    title: 'Edit image',
    description:
      `Edits an image as described in the prompt with ${first.model} on Azure and returns the result; the original is not ` +
      'changed. Each call costs money and takes seconds to minutes: call it once per edit. To create an image from ' +
      'scratch use generate_image.',
    inputSchema,
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
    imageArguments: ['image_data_base64', 'mask_base64', 'reference_images_base64'],
    icons: pencilIcon,
    ...(options.hasStudio && { ui: shownInStudio }),
    cost: imageCost,

    reject(args) {
      if (!inputs.readsLocalFiles && 'image_path' in args) throw serviceError('IMG_ERR_IMAGE_PATH_REMOTE', [])
      if (hasLibrary) rejectBytes(args)
    },

    async complete(args, context) {
      const size = completeSize('edit', args, deployments, context.input)
      const images = await questions?.complete(args, context)
      const requests = { ...size.requests, ...images?.requests }
      // A call that fails anyway must not bother the user first.
      if (Object.keys(requests).length > 0) await prepare(withoutSize(args))
      return { answers: { ...size.answers, ...images?.answers }, requests, state: images?.state }
    },

    async quote(args, context) {
      const { deployment } = await prepare(args)
      const { images, hasMask } = await inputs.measure(args, context)
      const { request } = planRequest('edit', args, deployment, defaultSizeOf(images[0]))
      const sent = { images, hasMask: hasMask && deployment.capabilities.mask }
      return azure.quote('edit', request, context.caller.rateLimitKey, sent)
    },
    ...(hasLibrary && {
      resolve: inputs.resolve,
      withStoredImages: async (args: EditArguments, context: CallContext) => ({
        ...(await inputs.store(args, context)),
      }),
    }),

    async call(args, context) {
      const { facts, deployment, target } = await prepare(args)
      using scope = new DisposableStack()
      const { images, mask, keep, parents } = await inputs.read(args, context, scope, deployment.capabilities.mask)
      const { request, requestedSize } = planRequest('edit', args, deployment, defaultSizeOf(images[0]))
      const result = await azure.edit({ ...request, images, mask }, context)
      const ignored = ignoredBy(result.producedBy, deployments, 'edit', args)
      return await results.toContent(
        result,
        { verb: 'edited', ...facts, target, requestedSize, deployment, ignored, parents, keep },
        context,
      )
    },
  }
  return tool
}
