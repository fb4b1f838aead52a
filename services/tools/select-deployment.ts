import type { DeploymentInfo, ImageRequest, Operation } from '../azure/types.ts'
import { serviceError } from '../errors/errors.ts'
import { type Options, optionProperties } from './arguments.ts'

/**
 * The deployment that a call names, after a check that its model can follow every argument.
 *
 * @throws ServiceError IMG_ERR_MODEL_UNKNOWN, IMG_ERR_MODEL_ARGUMENT, IMG_ERR_MODEL_VALUE
 */
export function chooseModel(
  operation: Operation,
  options: Options,
  deployments: readonly DeploymentInfo[],
): DeploymentInfo {
  const names = deployments.map(({ name }) => name)
  const deployment = deployments.find(({ name }) => name === (options.model ?? names[0]))
  if (deployment === undefined) throw serviceError('IMG_ERR_MODEL_UNKNOWN', [names])
  assertSupported(operation, options, deployment)
  return deployment
}

function assertSupported(operation: Operation, options: Options, deployment: DeploymentInfo): void {
  const { can } = deployment
  const known = Object.keys(optionProperties(operation, [deployment], ''))
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || name === 'model') continue
    if (!known.includes(name)) throw serviceError('IMG_ERR_MODEL_ARGUMENT', [deployment.model, name, known])
  }
  assertValue(deployment, 'quality', options.quality, can.qualities)
  assertValue(deployment, 'background', options.background, can.backgrounds)
  assertValue(deployment, 'aspect_ratio', options.aspect_ratio, can.aspectRatios)
  assertValue(deployment, 'input_fidelity', options.input_fidelity, can.inputFidelities)
  assertNumber(deployment, 'n', options.n, { minimum: 1, maximum: can.maxCount })
  assertNumber(deployment, 'guidance', options.guidance, can.guidance)
  assertNumber(deployment, 'steps', options.steps, can.steps)
  if (options.background === 'transparent' && options.output_format === 'jpeg') {
    throw serviceError('IMG_ERR_ARGUMENTS', ['background transparent needs output_format png'])
  }
}

function assertValue(
  deployment: DeploymentInfo,
  name: string,
  value: string | undefined,
  values: readonly string[],
): void {
  if (value !== undefined && !values.includes(value)) {
    throw serviceError('IMG_ERR_MODEL_VALUE', [deployment.model, name, values.join(', ')])
  }
}

function assertNumber(
  deployment: DeploymentInfo,
  name: string,
  value: number | undefined,
  range: { minimum: number; maximum: number } | undefined,
): void {
  if (value === undefined || range === undefined) return
  if (value < range.minimum || value > range.maximum) {
    throw serviceError('IMG_ERR_MODEL_VALUE', [deployment.model, name, `${range.minimum} to ${range.maximum}`])
  }
}

/** Whether the caller wants a shape, or leaves it to the model: a size that nobody asked for would contradict that. */
export function choosesShape({ aspect_ratio: ratio, auto_aspect_ratio: isReadOnly }: Options): boolean {
  return ratio !== undefined || isReadOnly === true
}

/** The arguments that both operations share, as the client wants them. */
export function requestOptions(options: Options, { name, can }: DeploymentInfo): Omit<ImageRequest, 'prompt' | 'size'> {
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
  const extension = path?.toLowerCase().match(/\.(png|jpe?g)$/)?.[1]
  if (extension === undefined) return undefined
  return extension === 'png' ? 'png' : 'jpeg'
}
