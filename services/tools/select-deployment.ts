import type { Format, Model, Operation } from '../../schemas/models.ts'
import type { DeploymentInfo, ImageRequest, ImagesClient } from '../azure/types.ts'
import { serviceError } from '../errors/errors.ts'
import type { Size } from '../imaging/types.ts'
import { assertSupported, isAllowed, requestParameters } from '../parameters/arguments.ts'
import { fitSize } from '../parameters/size-fitting.ts'
import { sizeRuleOf } from '../parameters/table.ts'
import type { GenerateArguments } from './arguments.ts'

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
  if (args.background === 'transparent' && args.output_format === 'jpeg') {
    throw serviceError('IMG_ERR_ARGUMENTS', ['background transparent requires output_format png'])
  }
  const images = 1 + (args.reference_images_base64?.length ?? 0)
  if (operation === 'edit' && images > capabilities.maxImages) {
    throw serviceError('IMG_ERR_MODEL_IMAGES', [model, capabilities.maxImages])
  }
  return deployment
}

/** What to request from Azure, and the size before it was fitted to the model. */
export interface RequestPlan {
  request: ImageRequest
  requestedSize: Size | undefined
}

/** @param defaultSize the size if the client sends none */
export function planRequest(
  operation: Operation,
  args: GenerateArguments,
  { name, capabilities }: DeploymentInfo,
  defaultSize: Size,
): RequestPlan {
  const values = requestParameters(args)
  // A default size would contradict the shape that the client chose or left to the model.
  const hasShape = args.aspect_ratio !== undefined || args.auto_aspect_ratio === true
  const unfittedSize = values.size ?? (hasShape ? undefined : defaultSize)
  const requestedSize = isAllowed('size', operation, capabilities) ? unfittedSize : undefined
  const request = {
    ...values,
    prompt: args.prompt,
    deployment: name,
    size: requestedSize && fitSize(sizeRuleOf(capabilities, operation), requestedSize),
    output_format: formatOf(args, capabilities),
  }
  return { request, requestedSize }
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
