import Type, { type TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { Tool } from '../calls/types.ts'
import { serviceError } from '../errors/errors.ts'
import { normalizeArguments } from './argument-values.ts'
import { OptionsSchema, optionNames, optionProperties, promptArgument, takesSize } from './arguments.ts'
import { imageIcon } from './icons.ts'
import { imageContent } from './image-result.ts'
import { checkPrompt } from './prompt-text.ts'
import { chooseModel, choosesShape, requestOptions } from './select-deployment.ts'
import { formatSize, parseSize } from './size.ts'
import type { ToolOptions } from './tool-options.ts'

const generateArguments = Compile(Type.Intersect([Type.Object({ prompt: Type.String() }), OptionsSchema]))

/** Makes an image from words. */
export function generateImage(options: ToolOptions): Tool<TSchema> {
  const { azure, store, defaultSize } = options
  const { deployments, deployment } = azure
  const inputSchema = Type.Object(
    {
      prompt: promptArgument(
        'What the image shows: subject, setting, style, light, colours, any text in quotes.',
        deployment,
      ),
      ...optionProperties('generate', deployments, `Width x height in pixels; ${formatSize(defaultSize)} by default.`),
    },
    { additionalProperties: false },
  )

  return {
    name: 'generate_image',
    title: 'Generate image',
    description:
      `Makes a new image from a text description with ${deployment.model} on Azure, and returns it as an image. Each ` +
      'call costs money and takes from seconds to minutes: call it once per image wanted, with a complete description. ' +
      'To change an existing image use edit_image.',
    inputSchema,
    cost: ({ n }) => (typeof n === 'number' ? n : 1),
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
    icons: imageIcon,
    normalize: (args) => normalizeArguments(args, inputSchema, optionNames),

    async call(args, context) {
      if (!generateArguments.Check(args)) throw serviceError('IMG_ERR_ARGUMENTS', ['they do not match the schema'])
      const { prompt, ...rest } = args
      checkPrompt(prompt)
      const deployment = chooseModel('generate', rest, deployments)
      const isShaped = rest.size === undefined && choosesShape(rest)
      const requested =
        isShaped || !takesSize('generate', deployment) ? undefined : rest.size ? parseSize(rest.size) : defaultSize
      const target = rest.output_path === undefined ? undefined : await store.resolve(rest.output_path)
      const size = requested && deployment.fitSize('generate', requested)
      const response = await azure.generate({ prompt, size, ...requestOptions(rest, deployment) }, context)
      return imageContent(response, options, { verb: 'generated', target, requested, deployment }, context)
    },
  }
}
