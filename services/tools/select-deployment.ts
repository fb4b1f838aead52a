import type { DeploymentCard, ImageRequest, Operation } from '../azure/types.ts'
import { serviceError } from '../errors/errors.ts'
import { type Options, optionProperties } from './arguments.ts'

/**
 * The deployment that a call names, after a check that its model can follow every argument.
 *
 * @throws ServiceError IMG_ERR_MODEL_UNKNOWN, IMG_ERR_MODEL_ARGUMENT, IMG_ERR_MODEL_VALUE
 */
export function chooseModel(operation: Operation, options: Options, cards: readonly DeploymentCard[]): DeploymentCard {
  const names = cards.map(({ name }) => name)
  const card = cards.find(({ name }) => name === (options.model ?? names[0]))
  if (card === undefined) throw serviceError('IMG_ERR_MODEL_UNKNOWN', [names])
  refuseForeign(operation, options, card)
  return card
}

function refuseForeign(operation: Operation, options: Options, card: DeploymentCard): void {
  const { can } = card
  const known = Object.keys(optionProperties(operation, [card], ''))
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || name === 'model') continue
    if (!known.includes(name)) throw serviceError('IMG_ERR_MODEL_ARGUMENT', [card.model, name, known])
  }
  refuseValue(card, 'quality', options.quality, can.qualities)
  refuseValue(card, 'background', options.background, can.backgrounds)
  refuseValue(card, 'aspect_ratio', options.aspect_ratio, can.aspectRatios)
  refuseValue(card, 'input_fidelity', options.input_fidelity, can.inputFidelities)
  refuseNumber(card, 'n', options.n, { minimum: 1, maximum: can.maxCount })
  refuseNumber(card, 'guidance', options.guidance, can.guidance)
  refuseNumber(card, 'steps', options.steps, can.steps)
  if (options.background === 'transparent' && options.output_format === 'jpeg') {
    throw serviceError('IMG_ERR_ARGUMENTS', ['background transparent needs output_format png'])
  }
}

function refuseValue(card: DeploymentCard, name: string, value: string | undefined, values: readonly string[]): void {
  if (value !== undefined && !values.includes(value)) {
    throw serviceError('IMG_ERR_MODEL_VALUE', [card.model, name, values.join(', ')])
  }
}

function refuseNumber(
  card: DeploymentCard,
  name: string,
  value: number | undefined,
  range: { minimum: number; maximum: number } | undefined,
): void {
  if (value === undefined || range === undefined) return
  if (value < range.minimum || value > range.maximum) {
    throw serviceError('IMG_ERR_MODEL_VALUE', [card.model, name, `${range.minimum} to ${range.maximum}`])
  }
}

/** Whether the caller wants a shape, or leaves it to the model: a size that nobody asked for would contradict that. */
export function choosesShape({ aspect_ratio: ratio, auto_aspect_ratio: isFree }: Options): boolean {
  return ratio !== undefined || isFree === true
}

/** The arguments that both operations share, as the client wants them. */
export function requestOptions(options: Options, { name, can }: DeploymentCard): Omit<ImageRequest, 'prompt' | 'size'> {
  const format = options.output_format ?? formatOf(options.output_path) ?? 'png'
  return {
    deployment: name,
    aspectRatio: options.aspect_ratio,
    count: options.n,
    seed: options.seed,
    quality: options.quality,
    // A transparent JPEG does not exist; the name is mended instead.
    format: can.choosesFormat ? (options.background === 'transparent' ? 'png' : format) : undefined,
    compression: options.output_compression,
    background: options.background,
    guidance: options.guidance,
    steps: options.steps,
    autoAspectRatio: options.auto_aspect_ratio,
    webGrounding: options.web_grounding,
  }
}

function formatOf(path: string | undefined): 'png' | 'jpeg' | undefined {
  const ending = path?.toLowerCase().match(/\.(png|jpe?g)$/)?.[1]
  if (ending === undefined) return undefined
  return ending === 'png' ? 'png' : 'jpeg'
}
