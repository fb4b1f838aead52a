import type { Operation } from '../../schemas/models.ts'
import { type ServiceError, type ServiceErrorOptions, serviceError } from '../errors/errors.ts'
import { parameterNames } from '../parameters/table.ts'
import { safeId, withoutQuotes } from './azure-text.ts'
import type { AzureFault } from './error-body.ts'
import { failureCode } from './failure-code.ts'
import { rejectedInput } from './rejected-input.ts'
import { firstValue, readQuotaReset, readRetryAfter, waitInText } from './retry-after.ts'
import type { ResponseHeaders } from './transport.ts'

/** What error messages and the log need to know of the request. */
export interface ErrorContext {
  operation: Operation
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
  answered: AzureFault,
  { operation, deployment, secrets }: ErrorContext,
): ServiceError {
  const fault = { ...answered, message: withoutQuotes(answered.message, secrets) }
  const isThrottled = status === 429 || status === 503
  const inText = isThrottled ? waitInText(fault.message, secrets) : undefined
  const retryAfterMs = readRetryAfter(headers) ?? inText ?? (status === 429 ? readQuotaReset(headers) : undefined)
  const options: ServiceErrorOptions = {
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    detail: {
      azureStatus: status,
      azureRequestId: requestId(headers, secrets),
      azureCode: knownCodes(fault),
    },
  }
  const waitSeconds = retryAfterMs === undefined ? undefined : Math.ceil(retryAfterMs / 1000)
  const code = failureCode(status, fault)
  switch (code) {
    case 'IMG_ERR_AZURE_CONTENT':
      return serviceError(code, [fault.categories], options)
    case 'IMG_ERR_AZURE_DEPLOYMENT':
    case 'IMG_ERR_AZURE_RETIRED':
      return serviceError(code, [deployment], options)
    case 'IMG_ERR_AZURE_NOT_READY':
      return serviceError(code, [deployment, waitSeconds], options)
    case 'IMG_ERR_AZURE_IMAGE':
    case 'IMG_ERR_AZURE_REJECTED':
    case 'IMG_ERR_AZURE_UNSUPPORTED':
      return requestError(code, fault, operation, deployment, options)
    case 'IMG_ERR_AZURE_RATE_LIMIT':
    case 'IMG_ERR_AZURE_CAPACITY':
    case 'IMG_ERR_AZURE_UNAVAILABLE':
      return serviceError(code, [waitSeconds], options)
    default:
      return serviceError(code, [], options)
  }
}

/** Names what Azure rejected: an image, the mask, a parameter, or what the deployment's model cannot do. */
function requestError(
  code: 'IMG_ERR_AZURE_IMAGE' | 'IMG_ERR_AZURE_REJECTED' | 'IMG_ERR_AZURE_UNSUPPORTED',
  fault: AzureFault,
  operation: Operation,
  deployment: string,
  options: ServiceErrorOptions,
): ServiceError {
  const parameter = knownParameter(fault)
  const input = operation === 'edit' ? rejectedInput(fault, parameter, code === 'IMG_ERR_AZURE_IMAGE') : undefined
  if (input?.kind === 'mask') return serviceError('IMG_ERR_AZURE_MASK', [], options)
  if (input?.kind === 'image') return serviceError('IMG_ERR_AZURE_IMAGE', [input.name, input.problem], options)
  const isValue = parameter !== undefined && fault.codes.includes('unsupportedrequestvalue')
  if (code === 'IMG_ERR_AZURE_UNSUPPORTED' && !isValue) {
    return serviceError('IMG_ERR_AZURE_UNSUPPORTED', [deployment], options)
  }
  return serviceError('IMG_ERR_AZURE_REJECTED', [parameter], options)
}

/** Azure's id of the request, which Azure's support asks for. */
export function requestId(headers: ResponseHeaders, secrets: readonly string[]): string | undefined {
  const id = firstValue(headers['apim-request-id']) ?? firstValue(headers['x-request-id'])
  return id === undefined ? undefined : safeId(id, secrets)
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
  missingrequiredparameter invalidparameter modeldeprecated deploymentnotready modelnotready deploymentprovisioning accountblocked
  402 405 410 422 499 invalidimage invalidimageformat invalidbase64image imagetoolarge imagefiletoolarge imagetoosmall
  imageparseerror invalidimagemode unsupportedimageformat unsupportedimagemediatype emptyimagefile invalidmask
  imagecontentpolicyviolation modelretired deploymentisretired deploymentretired invalidapiversion unsupportedmodel
  unsupportedoperation spendlimitreached budgetexceeded billingnotactive quotaexceeded invalidprompt unsupportedparameter
  duplicateparameter
`)

/** The codes that may be logged, separated by spaces. */
export function knownCodes({ codes }: AzureFault): string | undefined {
  return [...new Set(codes)].filter((code) => loggedCodes.has(code)).join(' ') || undefined
}

/** Fields of a request. Azure's name for one is returned to the client; anything else is untrusted text. */
const fieldNames: ReadonlySet<string> = new Set([
  ...parameterNames,
  ...words(`
    prompt model num_images width height style response_format moderation user image images mask input_image stream
    partial_images safety_tolerance api_version negative_prompt prompt_upsampling complexity
  `),
])

/** Characters of Azure's text in which a parameter is looked for. */
const MAX_SEARCHED_LENGTH = 1_000

/** The parameter that Azure names, in `param` or in quotes; `image[0]` and `input_image_2` are parameters too. */
function knownParameter({ parameter, message }: AzureFault): string | undefined {
  const quoted = message.slice(0, MAX_SEARCHED_LENGTH).matchAll(/['"`](\w{1,32}(?:\[\d{0,2}\])?)['"`]/g)
  return [parameter ?? '', ...Array.from(quoted, ([, name = '']) => name)].find((name) => {
    return fieldNames.has(name.replace(/(\[\d{0,2}\]|_\d{1,2})$/, ''))
  })
}
