import { parseLeadingJson } from '../bytes/json/leading-json.ts'
import { type ServiceError, type ServiceErrorOptions, serviceError } from '../errors/errors.ts'
import { safeId } from './azure-text.ts'
import { listOf, member, textOf } from './fields.ts'
import type { ResponseHeaders } from './transport.ts'

/** Facts about the call that sentences or the log need. */
export interface ErrorContext {
  deployment: string
  /** Texts that must not reach the log in any form: key, prompt. */
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

/** Reads an error body: wrapped, bare, spelled in any of the known ways, an event of a stream, or not JSON at all. */
export function readFault(body: Buffer): AzureFault {
  // Strips a byte order mark, on which JSON.parse would fail.
  const text = new TextDecoder().decode(body)
  const json = parseJson(text) ?? parseJson(/^data: ?(.*)$/m.exec(text)?.[1] ?? '')
  const fault = faultOf(json)
  return fault.isJson || fault.message !== '' ? fault : { ...fault, message: text.slice(0, 1000) }
}

/** The same of a document that has been parsed: a body, or an event of a stream. */
export function faultOf(document: unknown): AzureFault {
  const bodies = listOf(document).filter(isObject)
  const texts = bodies.map((body) => member(body, 'error')).filter((error) => typeof error === 'string')
  // Under `error` or `errors`, one or several, perhaps wrapped once more.
  const wrapped = bodies
    .flatMap((body) => listOf(member(body, 'error', 'errors')).filter(isObject))
    .flatMap((error) => [error, ...listOf(member(error, 'error')).filter(isObject)])
  const all = [...wrapped, ...bodies].flatMap((error) => withInner(error))
  const messages = all.map((error) => textOf(member(error, 'message')))
  const message = [...messages, ...texts].find(Boolean) ?? ''
  const results = ['content_filter_results', 'content_filter_result'].map((name) =>
    all.map((error) => member(error, name)),
  )
  const codes = all.flatMap((error) => [member(error, 'code'), member(error, 'type')]).map(textOf)
  return {
    isJson: wrapped.length > 0 || bodies.some(isBareError),
    codes: [...codes, ...texts].map(plain).filter((code) => code !== '' && code.length <= maxCodeLength),
    message,
    parameter: all.map((error) => textOf(member(error, 'param'))).find(Boolean),
    categories: hitCategories(results, message),
  }
}

/** Letters and digits; a longer one is a sentence. */
const maxCodeLength = 64

/** The 401 of the gateway has no wrapper, nor has the error event of a stream. */
function isBareError(body: object): boolean {
  return (
    typeof member(body, 'statusCode') === 'number' ||
    textOf(member(body, 'type')) === 'error' ||
    (textOf(member(body, 'code')) !== '' && textOf(member(body, 'message')) !== '')
  )
}

/** Deeper than Azure nests. */
const maxInnerErrors = 4

/** An error with what it names as its causes, the outermost first. The inner error is spelled in three ways. */
function withInner(error: unknown, depth = 0): readonly unknown[] {
  if (depth === maxInnerErrors) return []
  const inner = ['inner_error', 'innererror', 'innerError', 'details'].flatMap((name) => listOf(member(error, name)))
  return [error, ...inner.filter(isObject).flatMap((each) => withInner(each, depth + 1))]
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Azure's failure as a row of the error table. None of its own words are in it, since they may quote prompt and key:
 * `detail` has its status, its request id, and codes that we know.
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

const rejection =
  /^(contentfilter|contentpolicyviolation|responsibleaipolicyviolation|moderationblocked|contentsafetyviolation|requestmoderated|contentmoderated)$/
const contentFilterText = /safety system|content (management )?policy|content filter|content safety/i
const capacityWords = /high demand|temporarily unable|capacity|overloaded/i

/** Whether the content filter spoke, in any of its spellings. */
export function isContentFiltered({ codes, message, categories }: AzureFault): boolean {
  return codes.some((code) => rejection.test(code)) || contentFilterText.test(message) || categories.length > 0
}

/** Which row a failure belongs to; the order of the questions matters (a block also speaks of "content policy"). */
function errorCode(status: number, fault: AzureFault) {
  const { codes, message } = fault
  const has = (name: string) => codes.includes(name)
  // Accepted in some other way than with an image: to send it anywhere else might pay for a second one.
  if (status < 300) return 'IMG_ERR_AZURE_BAD_RESPONSE'
  if (status >= 300 && status < 400) return 'IMG_ERR_AZURE_REDIRECT'
  if (status === 401) return 'IMG_ERR_AZURE_CREDENTIAL'
  if (status === 403) {
    if (/temporarily blocked|account.*(blocked|suspended)/i.test(message)) return 'IMG_ERR_AZURE_ACCOUNT_BLOCKED'
    return codes.some((code) => rejection.test(code)) ? 'IMG_ERR_AZURE_CONTENT' : 'IMG_ERR_AZURE_FORBIDDEN'
  }
  if (status === 404) return has('deploymentnotfound') ? 'IMG_ERR_AZURE_DEPLOYMENT' : 'IMG_ERR_AZURE_NOT_FOUND'
  if (status === 408) return 'IMG_ERR_AZURE_TIMEOUT'
  if (status === 413) return 'IMG_ERR_AZURE_TOO_LARGE'
  if (status === 429) return capacityWords.test(message) ? 'IMG_ERR_AZURE_CAPACITY' : 'IMG_ERR_AZURE_RATE_LIMIT'
  if (status >= 500) return serverErrorCode(status, fault)
  if (isContentFiltered(fault)) return 'IMG_ERR_AZURE_CONTENT'
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
function readRetryAfter(headers: ResponseHeaders): number | undefined {
  const milliseconds = Number(single(headers['retry-after-ms']) ?? Number.NaN)
  if (Number.isFinite(milliseconds) && milliseconds >= 0) return milliseconds
  const after = single(headers['retry-after'])
  if (after === undefined || after.trim() === '') return undefined
  const seconds = Number(after)
  if (Number.isFinite(seconds)) return seconds >= 0 ? seconds * 1000 : undefined
  const date = Date.parse(after)
  if (Number.isNaN(date)) return undefined
  // By Azure's own clock: ours may be wrong by any amount.
  const respondedAt = Date.parse(single(headers.date) ?? '')
  return Math.max(0, date - (Number.isNaN(respondedAt) ? Date.now() : respondedAt))
}

/** Azure's name for the exchange; its support asks for it. */
export function requestId(headers: ResponseHeaders, secrets: readonly string[]): string | undefined {
  const id = single(headers['apim-request-id']) ?? single(headers['x-request-id'])
  return id === undefined ? undefined : safeId(id, secrets)
}

/** Codes that are no text of anybody's; a code that is not known may be anything. */
const loggedCodes: ReadonlySet<string> = new Set([
  ...['400', '401', '403', '404', '408', '409', '413', '415', '429', '500', '502', '503', '504', 'invalidrequesterror'],
  ...[
    'contentfilter',
    'contentpolicyviolation',
    'responsibleaipolicyviolation',
    'moderationblocked',
    'requestmoderated',
  ],
  ...['contentsafetyviolation', 'contentmoderated', 'unknownparameter', 'invalidpayload', 'unsupportedrequestvalue'],
  ...[
    'operationnotsupported',
    'unsupportedcontenttype',
    'unsupportedapiversion',
    'deploymentnotfound',
    'modelnotfound',
  ],
  ...['resourcenotfound', 'notfound', 'badrequest', 'forbidden', 'unauthorized', 'permissiondenied', 'timeout'],
  ...['authenticationtypedisabled', 'invalidimagefile', 'invalidmaskimageformat', 'imagegenerationusererror'],
  ...['ratelimitreached', 'ratelimitexceeded', 'toomanyrequests', 'insufficientquota', 'billinghardlimitreached'],
  ...['servererror', 'internalservererror', 'internalerror', 'serviceunavailable', 'nocapacity', 'invalidvalue'],
  ...['missingrequiredparameter', 'invalidparameter', 'modeldeprecated', 'deploymentnotready', 'accountblocked'],
])

/** The codes that may stand in a log line, by one blank. */
export function knownCodes({ codes }: AzureFault): string | undefined {
  return codes.filter((code) => loggedCodes.has(code)).join(' ') || undefined
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}

function parseJson(text: string): unknown {
  try {
    return parseLeadingJson(text)
  } catch {
    return undefined
  }
}

function plain(code: string): string {
  return code.toLowerCase().replace(/[^a-z0-9]/g, '')
}

/** What a request can hold: Azure's name for it reaches the caller, and anything else is text from outside. */
const parameters: ReadonlySet<string> = new Set([
  ...[
    'prompt',
    'model',
    'n',
    'num_images',
    'size',
    'width',
    'height',
    'aspect_ratio',
    'seed',
    'quality',
    'style',
    'steps',
  ],
  ...['output_format', 'output_compression', 'response_format', 'background', 'input_fidelity', 'moderation', 'user'],
  ...[
    'image',
    'images',
    'mask',
    'input_image',
    'stream',
    'partial_images',
    'guidance',
    'safety_tolerance',
    'api_version',
  ],
  ...['auto_aspect_ratio', 'web_grounding', 'negative_prompt', 'prompt_upsampling', 'complexity'],
])

/** `image[0]` and `input_image_2` are parameters too. */
function knownParameter(name: string | undefined): string | undefined {
  const base = name?.replace(/(\[\d{0,2}\]|_\d{1,2})$/, '')
  return base !== undefined && parameters.has(base) ? name : undefined
}

const knownCategories = ['hate', 'sexual', 'violence', 'self_harm', 'jailbreak', 'profanity', 'protected_material']

/**
 * The content filter categories that were hit, in any of the shapes that results come in: by name, in a list, nested.
 * https://learn.microsoft.com/en-us/azure/ai-foundry/openai/concepts/content-filter
 * Only categories that we know are named, since the names reach the caller.
 */
export function hitCategories(results: unknown, message = ''): string[] {
  const listed = /safety_violations=\[([^\]]*)\]/.exec(message)?.[1]?.split(/[,\s]+/) ?? []
  const all = [...hitNames(results), ...listed].map((name) => name.toLowerCase().replaceAll('-', '_'))
  return knownCategories.filter((category) => all.some((name) => name.startsWith(category)))
}

/** Deeper than results are nested. */
const maxResultDepth = 6

function hitNames(results: unknown, depth = 0): string[] {
  if (typeof results !== 'object' || results === null || depth === maxResultDepth) return []
  return Object.entries(results).flatMap(([name, verdict]) => {
    if (!isHit(verdict)) return hitNames(verdict, depth + 1)
    return [Array.isArray(results) ? textOf(member(verdict, 'category', 'name', 'type', 'id')) : name]
  })
}

function isHit(verdict: unknown): boolean {
  return member(verdict, 'filtered') === true || member(verdict, 'detected') === true
}
