import Type from 'typebox'
import type { Price } from '../../schemas/models.ts'
import type { DeploymentInfo } from '../azure/types.ts'
import { isOffered } from '../calls/offered-tools.ts'
import type { Tool } from '../calls/types.ts'
import type { Size } from '../imaging/types.ts'
import { allowedArguments } from '../parameters/arguments.ts'
import { appOnly } from './studio-app.ts'
import { describeForStudio } from './studio-models.ts'

export interface ListModelsOptions {
  deployments: readonly DeploymentInfo[]
  hasLibrary: boolean
  /** Of generated images. */
  defaultSize: Size
  version: string
  /** Every tool that is offered to someone. */
  tools: () => readonly Pick<Tool, 'name' | 'needsListing'>[]
}

/** Describes the configured models with their arguments and prices. Models have no use for a list of one. */
export function listModels({ deployments, hasLibrary, defaultSize, version, tools }: ListModelsOptions): Tool {
  return {
    ...(deployments.length === 1 && { ui: appOnly }),
    name: 'list_models',
    title: 'List models',
    description:
      'Lists the image models that generate_image and edit_image can use, with their arguments and prices. Free.',
    inputSchema: Type.Object({}, { additionalProperties: false }),
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    cost: () => 0,
    async call(_args, { access }) {
      const names = tools().flatMap((tool) => (isOffered(tool, access) ? [tool.name] : []))
      const models = deployments.map((each) => describeForStudio(each, defaultSize, names))
      const service = { models, tools: names, version }
      return {
        studio: { service },
        content: [
          { type: 'text', text: deployments.map((each, at) => describeModel(each, at, hasLibrary)).join('\n') },
        ],
      }
    },
  }
}

function describeModel({ name, model, capabilities }: DeploymentInfo, index: number, hasLibrary: boolean): string {
  const { operations, price, retires } = capabilities
  const abilities = operations.map((operation) => {
    const names = allowedArguments(operation, capabilities, hasLibrary)
    return `${operation === 'edit' ? 'edits' : 'generates'}${names.length === 0 ? '' : ` (${names.join(', ')})`}`
  })
  const facts = [
    `${name}${name === model ? '' : ` (${model})`}${index === 0 ? ', the default' : ''}: ${abilities.join('; ')}`,
    price === undefined ? 'Its price is not known' : describePrice(price),
    ...(retires === undefined ? [] : [`Azure retires it on ${retires}`]),
  ]
  return `${facts.join('. ')}.`
}

/** Rates that are not known are not listed. */
function describePrice(price: Price): string {
  const rates = (names: readonly (readonly [number | undefined, string])[]) =>
    names.flatMap(([rate, name]) => (rate === undefined ? [] : [`US$${rate} ${name}`])).join(', ')
  const date = `(list price of ${price.asOf})`
  if (price.image !== undefined) return `US$${price.image} per image ${date}`
  if (price.megapixelOut !== undefined) {
    const first = price.firstMegapixelOut === undefined ? '' : ` (the first US$${price.firstMegapixelOut} more)`
    const input = rates([[price.megapixelIn, 'per input megapixel']])
    return (
      [`US$${price.megapixelOut} per output megapixel${first}`, ...(input === '' ? [] : [input])].join(', ') +
      ` ${date}`
    )
  }
  const perMillion = rates([
    [price.imageOut, 'per million output tokens'],
    [price.textIn, 'text input'],
    [price.imageIn, 'image input'],
  ])
  return perMillion === '' ? 'Its price is not known' : `${perMillion} ${date}`
}
