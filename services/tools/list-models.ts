import Type from 'typebox'
import type { Price } from '../../schemas/models.ts'
import type { DeploymentInfo } from '../azure/types.ts'
import type { Tool } from '../calls/types.ts'
import { allowedArguments } from '../parameters/arguments.ts'

/** Describes the configured models with their arguments and prices. */
export function listModels(deployments: readonly DeploymentInfo[]): Tool {
  return {
    name: 'list_models',
    title: 'List models',
    description:
      'Lists the image models that generate_image and edit_image can use, with their arguments and prices. Free.',
    inputSchema: Type.Object({}, { additionalProperties: false }),
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    cost: () => 0,
    async call() {
      return { content: [{ type: 'text', text: deployments.map(describeModel).join('\n') }] }
    },
  }
}

function describeModel({ name, model, capabilities }: DeploymentInfo, index: number): string {
  const { operations, price, retires } = capabilities
  const abilities = operations.map((operation) => {
    const names = allowedArguments(operation, capabilities)
    return `${operation === 'edit' ? 'edits' : 'generates'}${names.length === 0 ? '' : ` (${names.join(', ')})`}`
  })
  const facts = [
    `${name}${name === model ? '' : ` (${model})`}${index === 0 ? ', the default' : ''}: ${abilities.join('; ')}`,
    ...(price === undefined ? [] : [describePrice(price)]),
    ...(retires === undefined ? [] : [`Azure retires it on ${retires}`]),
  ]
  return `${facts.join('. ')}.`
}

function describePrice(price: Price): string {
  const date = `(list price of ${price.asOf})`
  if (price.image !== undefined) return `US$${price.image} per image ${date}`
  if (price.megapixelOut !== undefined) {
    const first = price.firstMegapixelOut === undefined ? '' : ` (the first US$${price.firstMegapixelOut} more)`
    return `US$${price.megapixelOut} per output megapixel${first}, US$${price.megapixelIn ?? 0} per input megapixel ${date}`
  }
  return `US$${price.imageOut ?? 0} per million output tokens, US$${price.textIn ?? 0} text input, US$${price.imageIn ?? 0} image input ${date}`
}
