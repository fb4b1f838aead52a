import type { Format, Model, Operation } from '../../schemas/models.ts'
import type { DeploymentInfo, ImageRequest, ImageResult, ImagesClient } from '../azure/types.ts'
import { serviceError } from '../errors/errors.ts'
import { type FittedSize, formatSize, type TargetSize } from '../imaging/size.ts'
import { mimeTypeOfName } from '../library/file-extension.ts'
import { assertSupported, ignoredArguments, isAllowed, requestParameters } from '../parameters/arguments.ts'
import type { ParseContext } from '../parameters/parameter.ts'
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
  const images = 1 + (args.reference_images?.length ?? 0) + (args.reference_images_base64?.length ?? 0)
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

/** The arguments that a fallback's model does not accept, so that its image ignores them. */
export function ignoredBy(
  { deployment }: ImageResult['producedBy'],
  deployments: readonly DeploymentInfo[],
  operation: Operation,
  args: GenerateArguments,
): readonly string[] {
  const producer = deployments.find(({ name }) => name === deployment)
  return producer === undefined ? [] : ignoredArguments(args, operation, producer.capabilities)
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
  const takesSize = isAllowed('size', operation, capabilities)
  const isAuto = args.size === 'auto'
  // A fallback may accept sizes, but no ratios.
  const shape = args.size === undefined || isAuto ? (args.aspect_ratio ?? args.size) : args.size
  const context = { operation, model: capabilities, defaultSize }
  const values = requestParameters({ ...args, size: takesSize ? shape : undefined }, context)
  // A default size would contradict a shape that the client left to the model.
  const usesDefault = takesSize && shape === undefined && args.auto_aspect_ratio !== true
  const size = usesDefault ? sizeFor(capabilities, operation, defaultSize) : values.size
  const choosesShape = isAuto && isAllowed('auto_aspect_ratio', operation, capabilities)
  const request = {
    ...values,
    prompt: args.prompt,
    deployment: name,
    size,
    ...(choosesShape ? { auto_aspect_ratio: args.auto_aspect_ratio ?? true } : {}),
    output_format: formatOf(args, capabilities),
  }
  const isCompared = size !== undefined && args.aspect_ratio === undefined
  return { request, requestedSize: isCompared ? requestedSizeOf(context, args, size) : undefined }
}

function requestedSizeOf(
  { operation, model, defaultSize }: ParseContext,
  { size: text }: GenerateArguments,
  fitted: FittedSize,
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
  const chosen = args.output_format ?? formatOfName(args.output_path ?? '', formats)
  const transparent = formats.filter((format) => format !== 'jpeg')
  if (args.background === 'transparent' && (chosen === undefined || chosen === 'jpeg')) return transparent[0] ?? 'png'
  return chosen ?? (formats.includes('png') ? 'png' : formats[0])
}

function formatOfName(name: string, formats: readonly Format[]): Format | undefined {
  const mimeType = mimeTypeOfName(name)
  return formats.find((format) => mimeType === (format === 'svg' ? 'image/svg+xml' : `image/${format}`))
}
