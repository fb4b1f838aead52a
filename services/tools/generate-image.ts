import Type from 'typebox'
import { pictureIcon } from '../icons.ts'
import type { Tool } from '../mcp/catalog.ts'
import { outputPathArgument, promptArgument, sizeArgument } from './arguments.ts'
import { callContext } from './call-context.ts'
import { finishImages } from './image-answer.ts'
import { formatSize, parseSize } from './size.ts'
import type { ToolOptions } from './tool-options.ts'

/** Makes a picture from words. */
export function generateImage(options: ToolOptions) {
  const { azure, store, defaultSize } = options
  const { model, fitSize, promptAdvice } = azure.deployment

  const inputSchema = Type.Object(
    {
      prompt: promptArgument(
        `What the picture shows: subject, setting, style, light, colours, any text in quotes.${promptAdvice ? ` ${promptAdvice}` : ''}`,
      ),
      size: Type.Optional(
        sizeArgument(
          `Width x height in pixels; ${formatSize(defaultSize)} unless told. 1024x1024, 1024x1536 (upright) and 1536x1024 ` +
            '(wide) are good choices. A size the model cannot make is fitted to the nearest it can, and the answer says so.',
        ),
      ),
      output_path: Type.Optional(outputPathArgument),
    },
    { additionalProperties: false },
  )

  return {
    name: 'generate_image',
    title: 'Generate image',
    description:
      `Makes a new picture from a text description with ${model} on Azure, and returns it as an image. Each call costs ` +
      'money and takes from seconds to minutes: call it once per picture wanted, with a complete description. ' +
      'To change an existing picture use edit_image.',
    inputSchema,
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
    icons: pictureIcon,

    async call({ prompt, size, output_path }, context) {
      const wish = size === undefined ? defaultSize : parseSize(size)
      const target = output_path === undefined ? undefined : await store.resolve(output_path)
      const answer = await azure.generate({ prompt, size: fitSize('generate', wish) }, callContext(context))
      return finishImages(answer, options, { verb: 'generated', target, wish, model }, context)
    },
  } satisfies Tool<typeof inputSchema>
}
