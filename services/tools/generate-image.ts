import type { ImagesClient } from '../azure/types.ts'
import type { Tool } from '../calls/types.ts'
import { formatSize } from '../imaging/size.ts'
import type { Size } from '../imaging/types.ts'
import type { ImageStore } from '../library/image-store.ts'
import { publishedProperties } from '../parameters/arguments.ts'
import {
  commonArguments,
  type GenerateArguments,
  imageCost,
  type LibraryFeatures,
  modelArgument,
  promptArgument,
  resultFacts,
  toolSchema,
} from './arguments.ts'
import { checkPrompt } from './check-prompt.ts'
import { imageIcon } from './icons.ts'
import type { ImageResults } from './image-results.ts'
import { deploymentsFor, ignoredBy, planRequest, selectDeployment } from './select-deployment.ts'
import { completeSize, withoutSize } from './size-question.ts'
import { shownInStudio } from './studio-app.ts'

export interface GenerateImageOptions extends LibraryFeatures {
  azure: ImagesClient
  store: ImageStore
  results: ImageResults
  /** The size if the client sends none. */
  defaultSize: Size
}

/** Generates images from a prompt; `undefined` if no configured model generates. */
export function generateImage(options: GenerateImageOptions): Tool | undefined {
  const { azure, store, results, defaultSize, hasLibrary } = options
  const deployments = deploymentsFor('generate', azure)
  const [first] = deployments
  if (first === undefined) return undefined
  const models = deployments.map(({ capabilities }) => capabilities)
  const inputSchema = toolSchema<GenerateArguments>({
    prompt: promptArgument(
      'What the image shows: subject, setting, style, light, colours, any text in quotes.',
      first.capabilities,
    ),
    ...modelArgument(deployments),
    ...publishedProperties(models, { operation: 'generate', hasLibrary, defaultSize: formatSize(defaultSize) }),
    ...commonArguments(options),
  })

  /** Everything that can be checked before the call is paid for. */
  async function prepare(args: GenerateArguments) {
    checkPrompt(args.prompt)
    const facts = resultFacts(args, options)
    const deployment = selectDeployment('generate', args, deployments)
    const plan = planRequest('generate', args, deployment, defaultSize)
    const target = args.output_path === undefined ? undefined : await store.resolve(args.output_path)
    return { facts, deployment, target, ...plan }
  }

  const tool: Tool<typeof inputSchema> = {
    name: 'generate_image',
    title: 'Generate image',
    description:
      `Generates an image from a text description with ${first.model} on Azure and returns it. Each call costs money and ` +
      'takes seconds to minutes: call it once per image, with a complete description. To change an existing image use ' +
      'edit_image.',
    inputSchema,
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
    icons: imageIcon,
    ...(options.hasStudio && { ui: shownInStudio }),
    cost: imageCost,

    async complete(args, { input }) {
      const completion = completeSize('generate', args, deployments, input)
      // A call that fails anyway must not bother the user first.
      if (Object.keys(completion.requests).length > 0) await prepare(withoutSize(args))
      return completion
    },

    async quote(args, { caller }) {
      const { request } = await prepare(args)
      return azure.quote('generate', request, caller.rateLimitKey)
    },

    async call(args, context) {
      const { facts, deployment, request, requestedSize, target } = await prepare(args)
      const result = await azure.generate(request, context)
      const ignored = ignoredBy(result.producedBy, deployments, 'generate', args)
      return await results.toContent(
        result,
        { verb: 'generated', ...facts, target, requestedSize, deployment, ignored, parents: [] },
        context,
      )
    },
  }
  return tool
}
