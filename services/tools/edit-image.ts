import Type, { type Static, type TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { InputImage } from '../azure/types.ts'
import { decodeImageArgument } from '../bytes/base64-text.ts'
import type { InlineBlob } from '../bytes/json/inline-blob.ts'
import { serviceError } from '../errors/errors.ts'
import type { PreparationClaim } from '../imaging/convert.ts'
import type { ImageHeader } from '../imaging/headers/header.ts'
import { probeImageInTurns } from '../imaging/image-probe.ts'
import { maskOfImage, maskOfRegion } from '../imaging/mask.ts'
import type { Tool, ToolContext, ToolResult } from '../mcp/catalog.ts'
import { normalizeArguments } from './argument-values.ts'
import {
  ImageTextSchema,
  imagePathArgument,
  type Options,
  OptionsSchema,
  optionNames,
  optionProperties,
  promptArgument,
  takesSize,
} from './arguments.ts'
import { callContext } from './call-context.ts'
import { pencilIcon } from './icons.ts'
import { imageContent } from './image-result.ts'
import { readLocalImage } from './local-image.ts'
import { checkPrompt } from './prompt-text.ts'
import { chooseModel, choosesShape, requestOptions } from './select-deployment.ts'
import { parseSize } from './size.ts'
import type { ToolOptions } from './tool-options.ts'

const EditArgumentsSchema = Type.Intersect([
  Type.Object({
    image_data_base64: Type.Optional(ImageTextSchema),
    image_path: Type.Optional(Type.String()),
    prompt: Type.String(),
  }),
  OptionsSchema,
])
type EditArguments = Static<typeof EditArgumentsSchema>
const editArguments = Compile(EditArgumentsSchema)

interface Probed {
  bytes: Buffer
  header: ImageHeader
}

interface Inputs {
  /** The image to edit, then references. */
  images: [InputImage, ...InputImage[]]
  mask: InputImage | undefined
}

/** Changes an image that the caller sends; `undefined` where no configured model edits. */
export function editImage(options: ToolOptions): Tool<TSchema> | undefined {
  const { azure, store, pixels, converter, maxImageBytes, imageLimits } = options
  const deployments = azure.deployments.filter(({ can }) => can.operations.includes('edit'))
  const [first] = deployments
  if (first === undefined) return undefined

  const data = Type.String({
    description:
      'The image to change: the bytes of a PNG, JPEG, WebP or GIF file as base64, or a data URL ' +
      `(data:image/png;base64,…). At most ${maxImageBytes} bytes when decoded. Not a path and not a web address.`,
    minLength: 1,
  })
  const source = options.readsLocalFiles
    ? { image_path: Type.Optional(imagePathArgument), image_data_base64: Type.Optional(data) }
    : { image_data_base64: data }
  const inputSchema = Type.Object(
    {
      ...source,
      prompt: promptArgument(
        'What to change and what to keep, such as "make the sky pink, leave everything else as it is".',
        first,
      ),
      ...optionProperties(
        'edit',
        deployments,
        "Width x height in pixels of the result; the sent image's own by default.",
      ),
    },
    { additionalProperties: false },
  )

  const decode = (argument: string | InlineBlob) => decodeImageArgument(argument, { maxBytes: maxImageBytes })

  async function readSource(text: string | InlineBlob | undefined, path: string | undefined): Promise<Buffer> {
    if ((path === undefined) === (text === undefined)) throw serviceError('IMG_ERR_IMAGE_SOURCE', [])
    return text === undefined ? readLocalImage(path ?? '', maxImageBytes) : decode(text)
  }

  async function probe(bytes: Buffer, claim: PreparationClaim): Promise<Probed> {
    return { bytes, header: await probeImageInTurns(bytes, { ...imageLimits, maxBytes: maxImageBytes }, claim) }
  }

  function checkMaskArguments({ mask_base64: text, mask_region: region }: Options): void {
    if (text !== undefined && region !== undefined) {
      throw serviceError('IMG_ERR_ARGUMENTS', ['give mask_base64 or mask_region, not both'])
    }
  }

  /** Every claim is looked at before anything is decoded, so that the last image cannot make the others' work vain. */
  async function readInputs(args: EditArguments, claim: PreparationClaim): Promise<Inputs> {
    checkMaskArguments(args)
    const { mask_base64: maskText, mask_region: region, reference_images_base64: referenceTexts = [] } = args
    const source = await probe(await readSource(args.image_data_base64, args.image_path), claim)
    const caller = maskText === undefined ? undefined : await probe(decode(maskText), claim)
    const references: Probed[] = []
    for (const text of referenceTexts) references.push(await probe(decode(text), claim))

    const image = await converter.prepare(source.bytes, source.header, claim)
    const images: [InputImage, ...InputImage[]] = [image]
    const mask =
      caller !== undefined
        ? await maskOfImage(caller.bytes, caller.header, image, pixels, claim)
        : region && (await maskOfRegion(region, image, pixels, claim))
    for (const { bytes, header } of references) images.push(await converter.prepare(bytes, header, claim))
    return { images, mask }
  }

  async function edit(args: EditArguments, context: ToolContext): Promise<ToolResult> {
    const { image_data_base64: _text, image_path: _path, prompt, ...rest } = args
    checkPrompt(prompt)
    const deployment = chooseModel('edit', rest, deployments)
    const references = rest.reference_images_base64 ?? []
    if (references.length + 1 > deployment.can.maxImages) {
      throw serviceError('IMG_ERR_MODEL_IMAGES', [deployment.model, deployment.can.maxImages])
    }
    const target = rest.output_path === undefined ? undefined : await store.resolve(rest.output_path)
    using scope = new DisposableStack()
    const { caller, signal, deadlineAt } = context
    const { images, mask } = await readInputs(args, { caller, signal, deadlineAt, scope })
    const [image] = images
    const isShaped = rest.size === undefined && choosesShape(rest)
    const requested = isShaped || !takesSize('edit', deployment) ? undefined : rest.size ? parseSize(rest.size) : image
    const size = requested && deployment.fitSize('edit', requested)
    const inputFidelity = rest.input_fidelity
    const request = { prompt, size, ...requestOptions(rest, deployment), images, mask, inputFidelity }
    const response = await azure.edit(request, callContext(context))
    return await imageContent(response, options, { verb: 'edited', target, requested, deployment }, context)
  }

  return {
    name: 'edit_image',
    title: 'Edit image',
    description:
      `Changes an image as told in words with ${first.model} on Azure, and returns the new one as an image; the original ` +
      'is not touched. Each call costs money and takes from seconds to minutes: call it once per change wanted. ' +
      'To make an image from nothing use generate_image.',
    inputSchema,
    normalize: (args) => normalizeArguments(args, inputSchema, optionNames),
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
    imageArguments: ['image_data_base64', 'mask_base64', 'reference_images_base64'],
    icons: pencilIcon,

    reject(args) {
      if (!options.readsLocalFiles && 'image_path' in args) throw serviceError('IMG_ERR_IMAGE_PATH_REMOTE', [])
    },

    async call(args, context) {
      if (!editArguments.Check(args)) throw serviceError('IMG_ERR_ARGUMENTS', ['they do not match the schema'])
      return await edit(args, context)
    },
  }
}
