import Type, { type Static, type TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { InputImage } from '../azure/images-client.ts'
import { serviceError } from '../errors.ts'
import { pencilIcon } from '../icons.ts'
import { checkSentImage, decodeBase64Image } from '../images/base64.ts'
import { probeImage } from '../images/image-probe.ts'
import { giveBack } from '../images/own-memory.ts'
import type { Tool, ToolContext, ToolResult } from '../mcp/catalog.ts'
import { normalizeArguments } from './argument-values.ts'
import {
  imagePathArgument,
  type Options,
  OptionsSchema,
  optionNames,
  optionProperties,
  promptArgument,
  takesSize,
} from './arguments.ts'
import { callContext } from './call-context.ts'
import { finishImages } from './image-answer.ts'
import { readLocalPicture } from './local-picture.ts'
import { maskOfPicture, maskOfRegion } from './mask.ts'
import { chooseModel, choosesShape, requestOptions } from './model-choice.ts'
import { checkPrompt } from './prompt-text.ts'
import { parseSize } from './size.ts'
import type { ToolOptions } from './tool-options.ts'

const EditArgumentsSchema = Type.Intersect([
  Type.Object({
    image_data_base64: Type.Optional(Type.String()),
    image_path: Type.Optional(Type.String()),
    prompt: Type.String(),
  }),
  OptionsSchema,
])
type EditArguments = Static<typeof EditArgumentsSchema>
const editArguments = Compile(EditArgumentsSchema)

/** Makes bytes of a caller's argument; they are there until the call has ended. */
type Decode = (argument: string) => Buffer

/** Changes a picture that the caller sends; `undefined` where no configured model edits. */
export function editImage(options: ToolOptions): Tool<TSchema> | undefined {
  const { azure, store, converter, maxImageBytes, maxImagePixels } = options
  const cards = azure.deployments.filter(({ can }) => can.operations.includes('edit'))
  const [first] = cards
  if (first === undefined) return undefined

  const data = Type.String({
    description:
      'The picture to change: the bytes of a PNG, JPEG, WebP or GIF file as base64, or a data URL ' +
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
      ...optionProperties('edit', cards, "Width x height in pixels of the result; the sent picture's own unless told."),
    },
    { additionalProperties: false },
  )

  async function readSource(text: string | undefined, path: string | undefined, decode: Decode): Promise<Buffer> {
    if ((path === undefined) === (text === undefined)) throw serviceError('IMG_ERR_IMAGE_SOURCE', [])
    return text === undefined ? readLocalPicture(path ?? '', maxImageBytes) : decode(text)
  }

  async function readPicture(bytes: Buffer, signal: AbortSignal): Promise<InputImage> {
    const header = probeImage(bytes, { maxBytes: maxImageBytes, maxPixels: maxImagePixels })
    return converter.prepare(bytes, header, signal)
  }

  async function readMask(wishes: Options, picture: InputImage, decode: Decode): Promise<InputImage | undefined> {
    const { mask_base64: text, mask_region: region } = wishes
    if (text !== undefined && region !== undefined) {
      throw serviceError('IMG_ERR_ARGUMENTS', ['give mask_base64 or mask_region, not both'])
    }
    if (region !== undefined) return await maskOfRegion(region, picture)
    if (text === undefined) return undefined
    const bytes = decode(text)
    return maskOfPicture(bytes, probeImage(bytes, { maxBytes: maxImageBytes, maxPixels: maxImagePixels }), picture)
  }

  async function edit(args: EditArguments, context: ToolContext, decode: Decode): Promise<ToolResult> {
    const { image_data_base64: text, image_path: path, prompt, ...wishes } = args
    checkPrompt(prompt)
    const card = chooseModel('edit', wishes, cards)
    const references = wishes.reference_images_base64 ?? []
    if (references.length + 1 > card.can.maxImages) {
      throw serviceError('IMG_ERR_MODEL_IMAGES', [card.model, card.can.maxImages])
    }
    const target = wishes.output_path === undefined ? undefined : await store.resolve(wishes.output_path)
    const picture = await readPicture(await readSource(text, path, decode), context.signal)
    const mask = await readMask(wishes, picture, decode)
    const images: [InputImage, ...InputImage[]] = [picture]
    for (const reference of references) images.push(await readPicture(decode(reference), context.signal))
    const isShaped = wishes.size === undefined && choosesShape(wishes)
    const wish = isShaped || !takesSize('edit', card) ? undefined : wishes.size ? parseSize(wishes.size) : picture
    const size = wish && card.fitSize('edit', wish)
    const inputFidelity = wishes.input_fidelity
    const request = { prompt, size, ...requestOptions(wishes, card), images, mask, inputFidelity }
    const answer = await azure.edit(request, callContext(context))
    return finishImages(answer, options, { verb: 'edited', target, wish, card }, context)
  }

  return {
    name: 'edit_image',
    title: 'Edit image',
    description:
      `Changes a picture as told in words with ${first.model} on Azure, and returns the new one as an image; the original ` +
      'is not touched. Each call costs money and takes from seconds to minutes: call it once per change wanted. ' +
      'To make a picture from nothing use generate_image.',
    inputSchema,
    normalize: (args) => normalizeArguments(args, inputSchema, optionNames),
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
    pictureArguments: ['image_data_base64', 'mask_base64', 'reference_images_base64'],
    icons: pencilIcon,

    refuse(args) {
      if (!options.readsLocalFiles && 'image_path' in args) throw serviceError('IMG_ERR_IMAGE_PATH_REMOTE', [])
    },

    async call(args, context) {
      if (!editArguments.Check(args)) throw serviceError('IMG_ERR_ARGUMENTS', ['they do not match the schema'])
      const decoded: Buffer[] = []
      try {
        return await edit(args, context, (argument) => {
          const limits = { maxBytes: maxImageBytes }
          const sent = context.pictures.find(argument)
          if (sent !== undefined) return checkSentImage(sent, limits)
          const bytes = decodeBase64Image(argument, limits)
          decoded.push(bytes)
          return bytes
        })
      } finally {
        giveBack(decoded)
      }
    },
  }
}
