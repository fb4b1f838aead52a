import { Compile } from 'typebox/compile'
import { AzureBareErrorSchema, type AzureError, AzureErrorBodySchema } from '../../schemas/azure.ts'
import { type ServiceError, type ServiceErrorOptions, serviceError } from '../errors.ts'
import { redact } from './redact.ts'
import type { AnswerHeaders } from './transport.ts'

const errorBody = Compile(AzureErrorBodySchema)
const bareError = Compile(AzureBareErrorSchema)

/** Facts about the call that sentences or the log need. */
export interface ErrorContext {
  deployment: string
  /** Exact texts that must not reach the log: key, prompt. */
  secrets: readonly string[]
}

/** Azure's error in one shape, whatever its wrapper and spelling. */
export interface AzureFault {
  /** Whether the body was Azure's own JSON; an HTML page comes from something in between. */
  isJson: boolean
  /** Lower-cased, with all but letters and digits removed: `contentFilter` and `content_filter` are the same. */
  codes: readonly string[]
  message: string
  parameter: string | undefined
  /** Content filter categories that were hit. */
  categories: readonly string[]
}

/** Reads an error body: wrapped, bare, spelled in any of the known ways, or not JSON at all. */
export function readFault(body: Buffer): AzureFault {
  const json = parseJson(body)
  if (errorBody.Check(json)) {
    const { error } = json
    const inner = error.inner_error ?? error.innererror ?? error.innerError
    const results =
      error.content_filter_results ??
      error.content_filter_result ??
      inner?.content_filter_results ??
      inner?.content_filter_result
    const message = text(error.message)
    return {
      isJson: true,
      codes: [error.code, error.type, inner?.code].map(text).filter(Boolean).map(plain),
      message,
      parameter: text(error.param) || undefined,
      categories: hitCategories(results, message),
    }
  }
  const bare = bareError.Check(json) ? json : undefined
  return {
    isJson: bare !== undefined,
    codes: [],
    message: text(bare?.message) || (bare === undefined ? body.toString('utf8', 0, 1000) : ''),
    parameter: undefined,
    categories: [],
  }
}

/**
 * Azure's failure as a row of the error table. Its own words go to `detail`, redacted.
 *
 * @param body the first kilobytes of the answer
 */
export function azureError(status: number, headers: AnswerHeaders, body: Buffer, context: ErrorContext): ServiceError {
  const fault = readFault(body)
  const retryAfterMs = readRetryAfter(headers)
  const options: ServiceErrorOptions = {
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    detail: {
      azureStatus: status,
      azureRequestId: requestId(headers),
      azureCode: redact(fault.codes.join(' '), context.secrets),
      azureMessage: redact(fault.message, context.secrets),
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

const refusal =
  /^(contentfilter|contentpolicyviolation|responsibleaipolicyviolation|moderationblocked|contentsafetyviolation|requestmoderated|contentmoderated)$/
const refusalWords = /safety system|content (management )?policy|content filter|content safety/i
const capacityWords = /high demand|temporarily unable|capacity|overloaded/i

/** Whether the content filter spoke, in any of its spellings. */
export function isRefusal({ codes, message }: AzureFault): boolean {
  return codes.some((code) => refusal.test(code)) || refusalWords.test(message)
}

/** Which row a failure belongs to; the order of the questions matters (a block also speaks of "content policy"). */
function errorCode(status: number, fault: AzureFault) {
  const { codes, message } = fault
  const has = (name: string) => codes.includes(name)
  // Accepted in some other way than with a picture: to send it anywhere else might pay for a second one.
  if (status < 300) return 'IMG_ERR_AZURE_BAD_ANSWER'
  if (status >= 300 && status < 400) return 'IMG_ERR_AZURE_REDIRECT'
  if (status === 401) return 'IMG_ERR_AZURE_CREDENTIAL'
  if (status === 403) {
    if (/temporarily blocked|account.*(blocked|suspended)/i.test(message)) return 'IMG_ERR_AZURE_ACCOUNT_BLOCKED'
    return codes.some((code) => refusal.test(code)) ? 'IMG_ERR_AZURE_CONTENT' : 'IMG_ERR_AZURE_FORBIDDEN'
  }
  if (status === 404) return has('deploymentnotfound') ? 'IMG_ERR_AZURE_DEPLOYMENT' : 'IMG_ERR_AZURE_NOT_FOUND'
  if (status === 408) return 'IMG_ERR_AZURE_TIMEOUT'
  if (status === 413) return 'IMG_ERR_AZURE_TOO_LARGE'
  if (status === 429) return capacityWords.test(message) ? 'IMG_ERR_AZURE_CAPACITY' : 'IMG_ERR_AZURE_RATE_LIMIT'
  if (status >= 500) return serverErrorCode(status, fault)
  if (isRefusal(fault)) return 'IMG_ERR_AZURE_CONTENT'
  if (/api.version/i.test(message) || has('unsupportedapiversion')) return 'IMG_ERR_AZURE_API_VERSION'
  if (/model .* does not exist|unknown model/i.test(message)) return 'IMG_ERR_AZURE_DEPLOYMENT'
  return 'IMG_ERR_AZURE_REJECTED'
}

function serverErrorCode(status: number, fault: AzureFault) {
  if (status === 504) return 'IMG_ERR_AZURE_TIMEOUT'
  // A page that is not Azure's JSON comes from a gateway, which does not know what happened behind it.
  if (!fault.isJson) return 'IMG_ERR_AZURE_UNCLEAR'
  if (status === 503) return 'IMG_ERR_AZURE_UNAVAILABLE'
  return status === 500 ? 'IMG_ERR_AZURE_FAILED' : 'IMG_ERR_AZURE_UNCLEAR'
}

/** When Azure wants to be asked again, in milliseconds; `retry-after-ms` is the finer one. */
function readRetryAfter(headers: AnswerHeaders): number | undefined {
  const milliseconds = Number(single(headers['retry-after-ms']) ?? Number.NaN)
  if (Number.isFinite(milliseconds) && milliseconds >= 0) return milliseconds
  const after = single(headers['retry-after'])
  if (after === undefined || after.trim() === '') return undefined
  const seconds = Number(after)
  if (Number.isFinite(seconds)) return seconds >= 0 ? seconds * 1000 : undefined
  const date = Date.parse(after)
  if (Number.isNaN(date)) return undefined
  // By Azure's own clock: ours may be wrong by any amount.
  const answeredAt = Date.parse(single(headers.date) ?? '')
  return Math.max(0, date - (Number.isNaN(answeredAt) ? Date.now() : answeredAt))
}

/** Azure's name for the exchange; its support asks for it. */
export function requestId(headers: AnswerHeaders): string | undefined {
  const id = single(headers['apim-request-id']) ?? single(headers['x-request-id'])
  return id === undefined ? undefined : redact(id)
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

function text(value: AzureError['code']): string {
  return value === undefined || value === null ? '' : String(value)
}

function plain(code: string): string {
  return code.toLowerCase().replace(/[^a-z0-9]/g, '')
}

/** Azure's parameter names are its own vocabulary; anything else is foreign text and is not repeated. */
function knownParameter(name: string | undefined): string | undefined {
  return name !== undefined && /^[a-z][a-z0-9_]{0,39}$/.test(name) ? name : undefined
}

const knownCategories = ['hate', 'sexual', 'violence', 'self_harm', 'jailbreak', 'profanity', 'protected_material']

/** Only categories that we know are named, since the names reach the caller. */
export function hitCategories(results: AzureError['content_filter_results'], message = ''): string[] {
  const names = Object.entries(results ?? {})
    .filter(([, verdict]) => isHit(verdict))
    .map(([name]) => name)
  const listed = /safety_violations=\[([^\]]*)\]/.exec(message)?.[1]?.split(/[,\s]+/) ?? []
  const all = [...names, ...listed].map((name) => name.toLowerCase().replaceAll('-', '_'))
  return knownCategories.filter((category) => all.some((name) => name.startsWith(category)))
}

function isHit(verdict: unknown): boolean {
  if (typeof verdict !== 'object' || verdict === null) return false
  return ('filtered' in verdict && verdict.filtered === true) || ('detected' in verdict && verdict.detected === true)
}
