import Type from 'typebox'
import type { Model, Operation } from '../../schemas/models.ts'
import { type FittedSize, formatSize, isSameSize, parseSize, type TargetSize } from '../imaging/size.ts'
import { sizeRule } from './capability.ts'
import { bothOperations, type Parameter, type ParseContext, type SchemaScope } from './parameter.ts'
import { SIZE_PATTERN } from './patterns.ts'
import { fitSize, nearestRatio } from './size-fitting.ts'

export const sizeRuleOf = (model: Model, operation: Operation) =>
  operation === 'edit' ? model.editSize : model.generateSize

/** The best size of a model for a target. */
export function sizeFor(model: Model, operation: Operation, target: TargetSize): FittedSize {
  return { ...fitSize(sizeRuleOf(model, operation), target), target }
}

const asText = (size: FittedSize | undefined) => ({ size: size && formatSize(size) })
const asEdges = (size: FittedSize | undefined) => ({ width: size?.width, height: size?.height })

export const size: Parameter<FittedSize, string> = {
  operations: bothOperations,
  capability: (operation) => sizeRule(operation === 'edit' ? 'editSize' : 'generateSize', operation),
  schema: (models, scope) =>
    Type.String({
      description:
        `Width x height in pixels, a ratio such as 16:9, or auto: the model decides. By default ${scope.defaultSize}. ` +
        `${adviceFor(models, scope)} Other sizes are fitted to the nearest supported one, and the result says so.`,
      pattern: SIZE_PATTERN,
      maxLength: 32,
    }),
  parse: parseArgument,
  adapt: (value, model, operation) => sizeFor(model, operation, value.target ?? value),
  wire: {
    openai: asText,
    openaiFlux: asText,
    // FLUX models take either a ratio or edges; `size` is ignored.
    bfl: (value, { model: { aspectRatios } }) =>
      aspectRatios.length === 0
        ? asEdges(value)
        : { aspect_ratio: value && nearestRatio(aspectRatios, value.target ?? value) },
    mai: asEdges,
  },
}

function parseArgument(text: string, { model, operation, defaultSize }: ParseContext): FittedSize | undefined {
  const argument = parseSize(text)
  if (argument === 'auto')
    return cropsWithoutSize(model, operation) ? sizeFor(model, operation, defaultSize) : undefined
  if (!('ratio' in argument)) return sizeFor(model, operation, argument)
  const { width, height, pixels = width * height } = defaultSize
  return sizeFor(model, operation, { ...argument.ratio, pixels })
}

/** FLUX.2 crops the image of an edit without a size to a square. https://github.com/BerriAI/litellm/issues/36644 */
function cropsWithoutSize({ dialects, aspectRatios }: Model, operation: Operation): boolean {
  return operation === 'edit' && dialects.includes('bfl') && aspectRatios.length === 0
}

export const commonSizes: readonly TargetSize[] = [
  { width: 1024, height: 1024 },
  { width: 1024, height: 1536 },
  { width: 1536, height: 1024 },
]

/** Sizes or shapes that the first of the models, the default one, generates unchanged. */
function adviceFor(models: readonly Model[], { operation }: SchemaScope): string {
  const [first] = models
  if (first === undefined) return ''
  if (first.aspectRatios.length > 0) return `${first.id} follows only its shape: ${first.aspectRatios.join(', ')}.`
  const rule = sizeRuleOf(first, operation)
  if (rule.kind === 'choices') return `${first.id} generates ${rule.sizes.join(', ')}.`
  const [square, ...others] = commonSizes.map((target) => fitSize(rule, target))
  if (square === undefined) return ''
  const choices = [square, ...others.filter((choice) => !isSameSize(choice, square))]
  return `Good choices: ${choices.map(formatSize).join(', ')}.`
}
