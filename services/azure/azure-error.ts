import { type ServiceError, type ServiceErrorOptions, serviceError } from '../errors/errors.ts'
import { parameterNames } from '../parameters/table.ts'
import { safeId } from './azure-text.ts'
import { hasFilterCode, isContentFiltered } from './content-filter.ts'
import type { AzureFault } from './error-body.ts'
import type { ResponseHeaders } from './transport.ts'

/** What error messages and the log need to know of the request. */
export interface ErrorContext {
  deployment: string
  /** Texts that must not reach the log in any form: key, prompt. */
  secrets: readonly string[]
}

/**
 * Azure's failure as a row of the error table. It contains none of Azure's text, which may quote prompt and key: `detail`
 * has the status, the request id and known codes only.
 */
export function azureError(
  status: number,
  headers: ResponseHeaders,
  fault: AzureFault,
  context: ErrorContext,
): ServiceError {
  const retryAfterMs = readRetryAfter(headers)
  const options: ServiceErrorOptions = {
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    detail: {
      azureStatus: status,
      azureRequestId: requestId(headers, context.secrets),
      azureCode: knownCodes(fault),
    },
  }
  const waitSeconds = retryAfterMs === undefined ? undefined : Math.ceil(retryAfterMs / 1000)
  const code = errorCode(status, fault)
  switch (code) {
    case 'IMG_ERR_AZURE_CONTENT':
      return serviceError(code, [fault.categories], options)
    case 'IMG_ERR_AZURE_DEPLOYMENT':
      return serviceError(code, [context.deployment], options)
    case 'IMG_ERR_AZURE_REJECTED':
      return serviceError(code, [knownParameter(fault.parameter)], options)
    case 'IMG_ERR_AZURE_RATE_LIMIT':
    case 'IMG_ERR_AZURE_CAPACITY':
    case 'IMG_ERR_AZURE_UNAVAILABLE':
      return serviceError(code, [waitSeconds], options)
    default:
      return serviceError(code, [], options)
  }
}

const CAPACITY_TEXT = /high demand|temporarily unable|capacity|overloaded/i

/** Classifies a failure. The order matters: the text of an account block also mentions "content policy". */
function errorCode(status: number, fault: AzureFault) {
  const { codes, message } = fault
  const has = (name: string) => codes.includes(name)
  // Accepted, but without an image: a request elsewhere might pay for a second one.
  if (status < 300) return 'IMG_ERR_AZURE_BAD_RESPONSE'
  if (status < 400) return 'IMG_ERR_AZURE_REDIRECT'
  if (status === 401) return 'IMG_ERR_AZURE_CREDENTIAL'
  if (status === 403) {
    if (/temporarily blocked|account.*(blocked|suspended)/i.test(message)) return 'IMG_ERR_AZURE_ACCOUNT_BLOCKED'
    return hasFilterCode(codes) ? 'IMG_ERR_AZURE_CONTENT' : 'IMG_ERR_AZURE_FORBIDDEN'
  }
  if (status === 404) return has('deploymentnotfound') ? 'IMG_ERR_AZURE_DEPLOYMENT' : 'IMG_ERR_AZURE_NOT_FOUND'
  if (status === 408) return 'IMG_ERR_AZURE_TIMEOUT'
  if (status === 413) return 'IMG_ERR_AZURE_TOO_LARGE'
  if (status === 429) return CAPACITY_TEXT.test(message) ? 'IMG_ERR_AZURE_CAPACITY' : 'IMG_ERR_AZURE_RATE_LIMIT'
  if (status >= 500) return serverErrorCode(status, fault)
  if (isContentFiltered(fault)) return 'IMG_ERR_AZURE_CONTENT'
  if (/api.version/i.test(message) || has('unsupportedapiversion')) return 'IMG_ERR_AZURE_API_VERSION'
  if (/model .* does not exist|unknown model/i.test(message)) return 'IMG_ERR_AZURE_DEPLOYMENT'
  return 'IMG_ERR_AZURE_REJECTED'
}

function serverErrorCode(status: number, fault: AzureFault) {
  if (status === 504) return 'IMG_ERR_AZURE_TIMEOUT'
  // A page that is not Azure's JSON comes from a gateway, which does not know whether an image was generated.
  if (!fault.isJson) return 'IMG_ERR_AZURE_UNCLEAR'
  if (status === 503) return 'IMG_ERR_AZURE_UNAVAILABLE'
  return status === 500 ? 'IMG_ERR_AZURE_FAILED' : 'IMG_ERR_AZURE_UNCLEAR'
}

/** `retry-after` in milliseconds; `retry-after-ms` takes precedence, since it is more precise. */
function readRetryAfter(headers: ResponseHeaders): number | undefined {
  const milliseconds = Number(firstValue(headers['retry-after-ms']) ?? Number.NaN)
  if (Number.isFinite(milliseconds) && milliseconds >= 0) return milliseconds
  const after = firstValue(headers['retry-after'])
  if (after === undefined || after.trim() === '') return undefined
  const seconds = Number(after)
  if (Number.isFinite(seconds)) return seconds >= 0 ? seconds * 1000 : undefined
  const date = Date.parse(after)
  if (Number.isNaN(date)) return undefined
  // Relative to Azure's clock, since ours may be wrong.
  const respondedAt = Date.parse(firstValue(headers.date) ?? '')
  return Math.max(0, date - (Number.isNaN(respondedAt) ? Date.now() : respondedAt))
}

/** Azure's id of the request, which Azure's support asks for. */
export function requestId(headers: ResponseHeaders, secrets: readonly string[]): string | undefined {
  const id = firstValue(headers['apim-request-id']) ?? firstValue(headers['x-request-id'])
  return id === undefined ? undefined : safeId(id, secrets)
}

function firstValue(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}

const words = (list: string): ReadonlySet<string> => new Set(list.trim().split(/\s+/))

/** Codes that are safe to log; an unknown code may contain anything. */
const loggedCodes = words(`
  400 401 403 404 408 409 413 415 429 500 502 503 504 invalidrequesterror
  contentfilter contentpolicyviolation responsibleaipolicyviolation moderationblocked requestmoderated
  contentsafetyviolation contentmoderated unknownparameter invalidpayload unsupportedrequestvalue
  operationnotsupported unsupportedcontenttype unsupportedapiversion deploymentnotfound modelnotfound
  resourcenotfound notfound badrequest forbidden unauthorized permissiondenied timeout
  authenticationtypedisabled invalidimagefile invalidmaskimageformat imagegenerationusererror
  ratelimitreached ratelimitexceeded toomanyrequests insufficientquota billinghardlimitreached
  servererror internalservererror internalerror serviceunavailable nocapacity invalidvalue
  missingrequiredparameter invalidparameter modeldeprecated deploymentnotready accountblocked
`)

/** The codes that may be logged, separated by spaces. */
export function knownCodes({ codes }: AzureFault): string | undefined {
  return codes.filter((code) => loggedCodes.has(code)).join(' ') || undefined
}

/** Fields of a request. Azure's name for one is returned to the client; anything else is untrusted text. */
const fieldNames: ReadonlySet<string> = new Set([
  ...parameterNames,
  ...words(`
    prompt model num_images width height style response_format moderation user image images mask input_image stream
    partial_images safety_tolerance api_version negative_prompt prompt_upsampling complexity
  `),
])

/** `image[0]` and `input_image_2` are parameters too. */
function knownParameter(name: string | undefined): string | undefined {
  const base = name?.replace(/(\[\d{0,2}\]|_\d{1,2})$/, '')
  return base !== undefined && fieldNames.has(base) ? name : undefined
}
