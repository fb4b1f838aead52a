import type { Format, Model, Operation } from '../../schemas/models.ts'
import type { DeploymentInfo, ImageRequest, ImagesClient } from '../azure/types.ts'
import { serviceError } from '../errors/errors.ts'
import { type FittedSize, formatSize, type TargetSize } from '../imaging/size.ts'
import { assertSupported, isAllowed, requestParameters } from '../parameters/arguments.ts'
import { sizeFor } from '../parameters/size.ts'
import type { GenerateArguments } from './arguments.ts'
import type { RequestedSize } from './size-note.ts'

/** The deployments whose models support the operation, the default one first. */
export function deploymentsFor(operation: Operation, { deployments }: ImagesClient): readonly DeploymentInfo[] {
  return deployments.filter(({ capabilities }) => capabilities.operations.includes(operation))
}

/**
 * The deployment that a call names, or the first. Its model supports every argument of the call.
 *
 * @throws ServiceError IMG_ERR_MODEL_UNKNOWN, IMG_ERR_MODEL_ARGUMENT, IMG_ERR_MODEL_VALUE, IMG_ERR_MODEL_IMAGES
 */
export function selectDeployment(
  operation: Operation,
  args: GenerateArguments,
  deployments: readonly DeploymentInfo[],
): DeploymentInfo {
  const names = deployments.map(({ name }) => name)
  const deployment = deployments.find(({ name }) => name === (args.model ?? names[0]))
  if (deployment === undefined) throw serviceError('IMG_ERR_MODEL_UNKNOWN', [names])
  const { capabilities, model } = deployment
  assertSupported(args, operation, capabilities)
  assertConsistent(args, capabilities)
  const images = 1 + (args.reference_images_base64?.length ?? 0)
  if (operation === 'edit' && images > capabilities.maxImages) {
    throw serviceError('IMG_ERR_MODEL_IMAGES', [model, capabilities.maxImages])
  }
  return deployment
}

/**
 * Rejects arguments of which one would be ignored.
 * @throws ServiceError IMG_ERR_ARGUMENTS
 */
function assertConsistent(args: GenerateArguments, model: Model): void {
  const problem = problemOf(args, formatOf(args, model))
  if (problem !== undefined) throw serviceError('IMG_ERR_ARGUMENTS', [problem])
}

function problemOf(args: GenerateArguments, format: Format | undefined): string | undefined {
  if (args.background === 'transparent' && args.output_format === 'jpeg') {
    return 'background transparent requires output_format png'
  }
  if (args.output_compression !== undefined && format !== 'jpeg')
    return 'output_compression requires output_format jpeg'
  const hasSize = args.size !== undefined && args.size !== 'auto'
  return hasSize && args.aspect_ratio !== undefined ? 'send size or aspect_ratio, not both' : undefined
}

/** What to request from Azure, and the size that the result is compared with. */
export interface RequestPlan {
  request: ImageRequest
  requestedSize: RequestedSize | undefined
}

/** @param defaultSize the size if the client sends none */
export function planRequest(
  operation: Operation,
  args: GenerateArguments,
  { name, capabilities }: DeploymentInfo,
  defaultSize: TargetSize,
): RequestPlan {
  const values = requestParameters(args, { operation, model: capabilities, defaultSize })
  // A default size would contradict the shape that the client chose or left to the model.
  const hasShape = args.size !== undefined || args.aspect_ratio !== undefined || args.auto_aspect_ratio === true
  const usesDefault = !hasShape && isAllowed('size', operation, capabilities)
  const size = usesDefault ? sizeFor(capabilities, operation, defaultSize) : values.size
  const isAuto = args.size === 'auto' && isAllowed('auto_aspect_ratio', operation, capabilities)
  const request = {
    ...values,
    prompt: args.prompt,
    deployment: name,
    size,
    ...(isAuto ? { auto_aspect_ratio: args.auto_aspect_ratio ?? true } : {}),
    output_format: formatOf(args, capabilities),
  }
  return { request, requestedSize: size && requestedSizeOf(operation, args, capabilities, size, defaultSize) }
}

function requestedSizeOf(
  operation: Operation,
  { size: text }: GenerateArguments,
  model: Model,
  fitted: FittedSize,
  defaultSize: TargetSize,
): RequestedSize {
  if (text !== undefined && text !== 'auto') return { text, origin: 'argument', isRatio: text.includes(':'), fitted }
  const { width, height, pixels } = defaultSize
  const unlimited = sizeFor(model, operation, { width, height })
  const isLimited = pixels !== undefined && unlimited.width * unlimited.height > fitted.width * fitted.height
  const origin = operation === 'edit' ? 'image' : 'default'
  return { text: formatSize(defaultSize), origin, isRatio: false, fitted, larger: isLimited ? unlimited : undefined }
}

/** Transparent JPEGs do not exist; the extension of the file is changed instead. */
function formatOf(args: GenerateArguments, { choosesFormat, formats }: Model): Format | undefined {
  if (!choosesFormat) return undefined
  const inName = formatOfName(args.output_path ?? '')
  const chosen = args.output_format ?? (inName !== undefined && formats.includes(inName) ? inName : undefined)
  const transparent = formats.filter((format) => format !== 'jpeg')
  if (args.background === 'transparent' && (chosen === undefined || chosen === 'jpeg')) return transparent[0] ?? 'png'
  return chosen ?? (formats.includes('png') ? 'png' : formats[0])
}

function formatOfName(name: string): Format | undefined {
  const extension = /\.(png|jpe?g|gif|svg)$/i.exec(name)?.[1]?.toLowerCase()
  if (extension === undefined) return undefined
  return extension === 'png' || extension === 'gif' || extension === 'svg' ? extension : 'jpeg'
}
