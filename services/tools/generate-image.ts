import Type, { type TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { serviceError } from '../errors/errors.ts'
import { pictureIcon } from './icons.ts'
import type { Tool } from '../mcp/catalog.ts'
import { normalizeArguments } from './argument-values.ts'
import { OptionsSchema, optionNames, optionProperties, promptArgument, takesSize } from './arguments.ts'
import { callContext } from './call-context.ts'
import { finishImages } from './image-result.ts'
import { chooseModel, choosesShape, requestOptions } from './select-deployment.ts'
import { checkPrompt } from './prompt-text.ts'
import { formatSize, parseSize } from './size.ts'
import type { ToolOptions } from './tool-options.ts'

const generateArguments = Compile(Type.Intersect([Type.Object({ prompt: Type.String() }), OptionsSchema]))

/** Makes a picture from words. */
export function generateImage(options: ToolOptions): Tool<TSchema> {
  const { azure, store, defaultSize } = options
  const { deployments: cards, deployment } = azure
  const inputSchema = Type.Object(
    {
      prompt: promptArgument(
        'What the picture shows: subject, setting, style, light, colours, any text in quotes.',
        deployment,
      ),
      ...optionProperties('generate', cards, `Width x height in pixels; ${formatSize(defaultSize)} unless told.`),
    },
    { additionalProperties: false },
  )

  return {
    name: 'generate_image',
    title: 'Generate image',
    description:
      `Makes a new picture from a text description with ${deployment.model} on Azure, and returns it as an image. Each ` +
      'call costs money and takes from seconds to minutes: call it once per picture wanted, with a complete description. ' +
      'To change an existing picture use edit_image.',
    inputSchema,
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
    icons: pictureIcon,
    normalize: (args) => normalizeArguments(args, inputSchema, optionNames),

    async call(args, context) {
      if (!generateArguments.Check(args)) throw serviceError('IMG_ERR_ARGUMENTS', ['they do not match the schema'])
      const { prompt, ...wishes } = args
      checkPrompt(prompt)
      const card = chooseModel('generate', wishes, cards)
      const isShaped = wishes.size === undefined && choosesShape(wishes)
      const wish =
        isShaped || !takesSize('generate', card) ? undefined : wishes.size ? parseSize(wishes.size) : defaultSize
      const target = wishes.output_path === undefined ? undefined : await store.resolve(wishes.output_path)
      const size = wish && card.fitSize('generate', wish)
      const answer = await azure.generate({ prompt, size, ...requestOptions(wishes, card) }, callContext(context))
      return finishImages(answer, options, { verb: 'generated', target, wish, card }, context)
    },
  }
}
