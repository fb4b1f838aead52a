import Type, { type TSchema } from 'typebox'
import type { Price } from '../../schemas/models.ts'
import type { DeploymentInfo, ImagesClient } from '../azure/types.ts'
import type { Tool } from '../calls/types.ts'
import { optionProperties } from './arguments.ts'

/** Says which models there are, what each can do and costs. */
export function listModels({ deployments }: ImagesClient): Tool<TSchema> {
  return {
    name: 'list_models',
    title: 'List models',
    description:
      'Lists the image models that generate_image and edit_image can use, with what each can do and costs. Free.',
    inputSchema: Type.Object({}, { additionalProperties: false }),
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    async call() {
      return { content: [{ type: 'text', text: deployments.map(describeModel).join('\n') }] }
    },
  }
}

function describeModel(deployment: DeploymentInfo, index: number): string {
  const { name, model, can } = deployment
  const operations = can.operations.map((operation) => {
    const names = Object.keys(optionProperties(operation, [deployment], '')).filter(
      (option) => option !== 'output_path',
    )
    return `${operation === 'edit' ? 'edits' : 'generates'}${names.length === 0 ? '' : ` (${names.join(', ')})`}`
  })
  const facts = [
    `${name}${name === model ? '' : ` (${model})`}${index === 0 ? ', the default' : ''}: ${operations.join('; ')}`,
    can.price === undefined ? undefined : describePrice(can.price),
    can.retires === undefined ? undefined : `Azure retires it on ${can.retires}`,
  ]
  return `${facts.filter((fact) => fact !== undefined).join('. ')}.`
}

function describePrice(price: Price): string {
  const asOf = `(list price of ${price.asOf})`
  if (price.image !== undefined) return `US$${price.image} an image ${asOf}`
  if (price.megapixelOut !== undefined) {
    const first = price.firstMegapixelOut === undefined ? '' : `, the first US$${price.firstMegapixelOut} more`
    return `US$${price.megapixelOut} a megapixel out${first}, US$${price.megapixelIn ?? 0} a megapixel in ${asOf}`
  }
  return `US$${price.imageOut ?? 0} a million tokens out, US$${price.textIn ?? 0} text in, US$${price.imageIn ?? 0} images in ${asOf}`
}
