import Type from 'typebox'
import { decodeBase64Image } from '../images/base64.ts'
import { probeImage } from '../images/image-probe.ts'
import type { Tool } from '../mcp/catalog.ts'
import { outputPathArgument, promptArgument, sizeArgument } from './arguments.ts'
import { callContext } from './call-context.ts'
import { finishImages } from './image-answer.ts'
import { parseSize } from './size.ts'
import type { ToolOptions } from './tool-options.ts'

/** Changes a picture that the caller sends. */
export function editImage(options: ToolOptions) {
  const { azure, store, converter, maxImageBytes, maxImagePixels } = options
  const { model, fitSize, promptAdvice } = azure.deployment

  const inputSchema = Type.Object(
    {
      image_data_base64: Type.String({
        description:
          'The picture to change: the bytes of a PNG, JPEG, WebP or GIF file as base64, or a data URL ' +
          `(data:image/png;base64,…). At most ${maxImageBytes} bytes when decoded. Not a path and not a web address.`,
        minLength: 1,
      }),
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
    },
    { additionalProperties: false },
  )

  return {
    name: 'edit_image',
    title: 'Edit image',
    description:
      `Changes a picture as told in words with ${model} on Azure, and returns the new one as an image; the original is ` +
      'not touched. Each call costs money and takes from seconds to minutes: call it once per change wanted. ' +
      'To make a picture from nothing use generate_image.',
    inputSchema,
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },

    async call({ image_data_base64, prompt, size, output_path }, context) {
      const target = output_path === undefined ? undefined : await store.resolve(output_path)
      const bytes = decodeBase64Image(image_data_base64, { maxBytes: maxImageBytes })
      const header = probeImage(bytes, { maxBytes: maxImageBytes, maxPixels: maxImagePixels })
      const image = await converter.prepare(bytes, header, context.signal)
      const wish = size === undefined ? { width: image.width, height: image.height } : parseSize(size)
      const request = { prompt, size: fitSize('edit', wish), images: [image] as const }
      const answer = await azure.edit(request, callContext(context))
      return finishImages(answer, options, { verb: 'edited', target, wish, model }, context)
    },
  } satisfies Tool<typeof inputSchema>
}
