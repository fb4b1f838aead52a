import Type, { type Static } from 'typebox'
import { serviceError } from '../errors.ts'
import { pencilIcon } from '../icons.ts'
import { decodeBase64Image } from '../images/base64.ts'
import { probeImage } from '../images/image-probe.ts'
import type { Tool, ToolContext } from '../mcp/catalog.ts'
import { imagePathArgument, outputPathArgument, promptArgument, sizeArgument } from './arguments.ts'
import { callContext } from './call-context.ts'
import { finishImages } from './image-answer.ts'
import { readLocalPicture } from './local-picture.ts'
import { parseSize } from './size.ts'
import type { ToolOptions } from './tool-options.ts'

/** Changes a picture that the caller sends. */
export function editImage(options: ToolOptions) {
  const { azure, store, converter, maxImageBytes, maxImagePixels } = options
  const { model, fitSize, promptAdvice } = azure.deployment

  const data = Type.String({
    description:
      'The picture to change: the bytes of a PNG, JPEG, WebP or GIF file as base64, or a data URL ' +
      `(data:image/png;base64,…). At most ${maxImageBytes} bytes when decoded. Not a path and not a web address.`,
    minLength: 1,
  })
  const others = {
    prompt: promptArgument(
      `What to change and what to keep, such as "make the sky pink, leave everything else as it is".${promptAdvice ? ` ${promptAdvice}` : ''}`,
    ),
    size: Type.Optional(
      sizeArgument(
        "Width x height in pixels of the result; the sent picture's own unless told. A size the model cannot make is " +
          'fitted to the nearest it can, and the answer says so.',
      ),
    ),
    output_path: Type.Optional(outputPathArgument),
  }
  const closed = { additionalProperties: false }
  const remoteSchema = Type.Object({ image_data_base64: data, ...others }, closed)
  const localSchema = Type.Object(
    { image_path: Type.Optional(imagePathArgument), image_data_base64: Type.Optional(data), ...others },
    closed,
  )
  const inputSchema = options.readsLocalFiles ? localSchema : remoteSchema

  async function readSource({ image_path, image_data_base64 }: Static<typeof localSchema>): Promise<Buffer> {
    if ((image_path === undefined) === (image_data_base64 === undefined)) throw serviceError('IMG_ERR_IMAGE_SOURCE', [])
    return image_data_base64 === undefined
      ? await readLocalPicture(image_path ?? '', maxImageBytes)
      : decodeBase64Image(image_data_base64, { maxBytes: maxImageBytes })
  }

  return {
    name: 'edit_image',
    title: 'Edit image',
    description:
      `Changes a picture as told in words with ${model} on Azure, and returns the new one as an image; the original is ` +
      'not touched. Each call costs money and takes from seconds to minutes: call it once per change wanted. ' +
      'To make a picture from nothing use generate_image.',
    inputSchema,
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },

    icons: pencilIcon,

    refuse(args: Readonly<Record<string, unknown>>) {
      if (!options.readsLocalFiles && 'image_path' in args) throw serviceError('IMG_ERR_IMAGE_PATH_REMOTE', [])
    },

    async call(args: Static<typeof localSchema>, context: ToolContext) {
      const { prompt, size, output_path } = args
      const target = output_path === undefined ? undefined : await store.resolve(output_path)
      const bytes = await readSource(args)
      const header = probeImage(bytes, { maxBytes: maxImageBytes, maxPixels: maxImagePixels })
      const image = await converter.prepare(bytes, header, context.signal)
      const wish = size === undefined ? { width: image.width, height: image.height } : parseSize(size)
      const request = { prompt, size: fitSize('edit', wish), images: [image] as const }
      const answer = await azure.edit(request, callContext(context))
      return finishImages(answer, options, { verb: 'edited', target, wish, model }, context)
    },
  } satisfies Tool<typeof inputSchema>
}
