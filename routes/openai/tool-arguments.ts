import type { Operation } from '../../schemas/models.ts'
import type { CommonRequest } from '../../schemas/openai.ts'
import type { DeploymentInfo } from '../../services/azure/types.ts'
import { serviceError } from '../../services/errors/errors.ts'
import { assertSupported, isAllowed } from '../../services/parameters/arguments.ts'
import { RequestError } from './request-error.ts'

/** What the service offers, as far as the arguments of a call depend on it. */
export interface Offer {
  operation: Operation
  /** The deployments of the operation, the default one first. */
  deployments: readonly DeploymentInfo[]
  /** Whether images have addresses. */
  hasLinks: boolean
  /** What the tools return by default; undefined: they return whole images only. */
  delivery: 'image' | 'preview' | 'link' | undefined
}

/**
 * The arguments of the first door's tool for a request. They are the same for the same request, because a repeated call is
 * recognized by them, and those that the tool's own callers would send, because idempotency keys hold at both doors.
 * @throws RequestError, ServiceError for what the model cannot do
 */
export function toToolArguments(request: CommonRequest, offer: Offer): Record<string, unknown> {
  const { operation, deployments, hasLinks, delivery } = offer
  const { model: name, stream, partial_images, response_format: format, ...members } = request
  const deployment = deploymentOf(name, deployments)
  if (format === 'url' && stream === true) {
    throw rejected(
      'response_format',
      'A stream carries the images themselves: leave out "response_format" or "stream".',
    )
  }
  if (format === 'url' && !hasLinks) {
    throw rejected('response_format', 'This server stores no images, so that they have no address: use "b64_json".')
  }
  if (partial_images !== undefined && partial_images > 0 && stream !== true) {
    throw rejected('partial_images', '"partial_images" requires "stream": true.')
  }
  const args = modelArguments(members, operation, deployment)
  assertSupported(args, operation, deployment.capabilities)
  const wanted = format === 'url' ? 'link' : 'image'
  return {
    ...args,
    ...(name === undefined || deployments.length < 2 ? {} : { model: deployment.name }),
    ...(delivery === undefined || delivery === wanted ? {} : { return: wanted }),
  }
}

type ModelRequest = Omit<CommonRequest, 'model' | 'stream' | 'partial_images' | 'response_format'>

/** What the model does anyway, and what means the same for every model, is no argument. */
function modelArguments(request: ModelRequest, operation: Operation, { capabilities }: DeploymentInfo) {
  const { user: _user, safety_identifier: _id, moderation, n, size, quality, background, ...members } = request
  const { output_format, output_compression, ...others } = members
  if (moderation === 'low') {
    throw rejected('moderation', 'moderation "low" is not available: the Azure deployment has its own content filter.')
  }
  if (output_format === 'webp') {
    throw rejected('output_format', 'No image model on Azure returns webp: use png or jpeg.')
  }
  const takesSize = isAllowed('size', operation, capabilities)
  const takesBackground = isAllowed('background', operation, capabilities)
  const isDefaultQuality = quality === undefined || quality === 'auto' || quality === 'standard'
  const isDefaultBackground = background === 'auto' || (background === 'opaque' && !takesBackground)
  const isUncompressed = output_compression === 100 && output_format !== 'jpeg'
  return withoutAbsent({
    ...others,
    n: n === 1 ? undefined : n,
    size: size === 'auto' && !takesSize ? undefined : size,
    quality: isDefaultQuality ? undefined : quality === 'hd' ? 'high' : quality,
    background: isDefaultBackground ? undefined : background,
    output_format,
    output_compression: isUncompressed ? undefined : output_compression,
  })
}

/** The digest of a call counts its members. */
function withoutAbsent<T extends object>(args: T): Partial<T> {
  const present: Partial<T> = { ...args }
  for (const name in present) if (present[name] === undefined) delete present[name]
  return present
}

/**
 * The deployment that a request names, in any case, or the first.
 * @throws ServiceError `IMG_ERR_MODEL_UNKNOWN`
 */
export function deploymentOf(name: string | undefined, deployments: readonly DeploymentInfo[]): DeploymentInfo {
  const [first] = deployments
  const named = (same: (other: string) => boolean) => deployments.find((each) => same(each.name))
  const found =
    name === undefined
      ? first
      : (named((other) => other === name) ?? named((other) => other.toLowerCase() === name.toLowerCase()))
  if (found === undefined) throw serviceError('IMG_ERR_MODEL_UNKNOWN', [deployments.map((each) => each.name)])
  return found
}

const rejected = (param: string, message: string) =>
  new RequestError(message, { status: 400, code: 'unsupported_parameter', param })
