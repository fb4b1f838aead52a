import { hasFilterCode, isContentFiltered } from './content-filter.ts'
import type { AzureFault } from './error-body.ts'

/** Characters of Azure's texts that are searched, of each and of all: they may quote a long prompt. */
const MAX_LINE_LENGTH = 20_000
const MAX_SEARCHED_LENGTH = 100_000

const CAPACITY_TEXT = /high demand|temporarily unable|capacity|overloaded/i
const BLOCKED_TEXT = /temporarily blocked|account.{0,80}(blocked|suspended)/i
const KEY_DISABLED_TEXT = /key.based authentication is disabled/i
const RETIRED_TEXT =
  /\b(?:model|deployment|version)\b.{0,120}\b(?:retired|deprecated|no longer (?:available|supported)|end.of.life)\b/i
const SPENT_TEXT =
  /exceeded your current quota|billing hard limit|out of call volume quota|spend(?:ing)? (?:limit|cap)|insufficient (?:quota|credits?|funds|balance)/i
const UNKNOWN_MODEL_TEXT = /model .{0,200} does not exist|unknown model/i
const UNSUPPORTED_TEXT = /operation does not work with the specified model/i
const IMAGE_TEXT =
  /\b(?:invalid|unsupported|unreadable|corrupt(?:ed)?|damaged|(?:can ?not|could not|unable to|failed to) (?:be )?(?:read|decoded?|parsed?|process(?:ed)?))\b.{0,60}\b(?:image|mask)/i

const NOT_READY_TEXT =
  /\b(?:deployment|model|resource|endpoint)\b.{0,120}\b(?:(?:is|are) (?:not (?:yet )?ready|(?:still |being |currently )*(?:provision(?:ed|ing)|loading|warming up|set up)))\b/i

const NOT_READY_CODE =
  /^(?:deployment|model|resource|endpoint)?(?:is)?(?:notready|notyetready|(?:still)?(?:provisioning|loading|warmingup|creating))(?:yet|inprogress)?$/
const RETIRED_CODE =
  /^(?:model|deployment)(?:version)?(?:is|has|hasbeen)?(?:deprecated|retired|nolongeravailable|nolongersupported)|^(?:deprecated|retired)(?:model|deployment)/
const SPENT_CODE =
  /^insufficient(?:quota|credits?|funds|balance)$|^billing|spend(?:ing)?(?:limit|cap)|budgetexceeded|exceededbudget|^paymentrequired$/
const UNSUPPORTED_CODE =
  /^(?:operation|feature|capability|model)notsupported$|^unsupported(?:operation|model|requestvalue)$/
const IMAGE_CODE =
  /^(?=.*(?:image|mask))(?!.*generation).*(?:invalid|unsupported|notsupported|toolarge|toobig|toosmall|parse|empty|corrupt|unreadable|mismatch|missing|failed|notfound)/

/** Classifies a failure as a row of the error table. The order matters: the text of an account block also mentions "content policy". */
export function failureCode(status: number, fault: AzureFault) {
  const { codes } = fault
  const lines = fault.message.slice(0, 10 * MAX_SEARCHED_LENGTH).split('\n')
  const text = lines
    .map((line) => line.slice(0, MAX_LINE_LENGTH))
    .join('\n')
    .slice(0, MAX_SEARCHED_LENGTH)
  const isSpent = codes.some((code) => SPENT_CODE.test(code))
  // Accepted, but without an image: a request elsewhere might pay for a second one.
  if (status < 300) return 'IMG_ERR_AZURE_BAD_RESPONSE'
  if (status < 400) return 'IMG_ERR_AZURE_REDIRECT'
  if (status >= 500) return serverErrorCode(status, fault)
  // Statuses of gateways alone, such as 499: they do not know whether an image was generated.
  if (status === 408) return 'IMG_ERR_AZURE_TIMEOUT'
  if (status > 431 && status !== 451) return 'IMG_ERR_AZURE_UNCLEAR'
  if (status === 401 || status === 403) {
    if (status === 403 && BLOCKED_TEXT.test(text)) return 'IMG_ERR_AZURE_ACCOUNT_BLOCKED'
    if (codes.includes('authenticationtypedisabled') || KEY_DISABLED_TEXT.test(text)) {
      return 'IMG_ERR_AZURE_KEY_DISABLED'
    }
    if (status === 401) return 'IMG_ERR_AZURE_CREDENTIAL'
    if (hasFilterCode(codes)) return 'IMG_ERR_AZURE_CONTENT'
    return isSpent || SPENT_TEXT.test(text) ? 'IMG_ERR_AZURE_SPENDING_LIMIT' : 'IMG_ERR_AZURE_FORBIDDEN'
  }
  if (status === 402) return 'IMG_ERR_AZURE_SPENDING_LIMIT'
  if (status === 413) return 'IMG_ERR_AZURE_TOO_LARGE'
  if (status === 429) {
    if (isSpent || SPENT_TEXT.test(text)) return 'IMG_ERR_AZURE_SPENDING_LIMIT'
    return CAPACITY_TEXT.test(text) ? 'IMG_ERR_AZURE_CAPACITY' : 'IMG_ERR_AZURE_RATE_LIMIT'
  }
  return requestErrorCode(status, fault, text, isSpent)
}

/** What is wrong with the request, its deployment or its route. Codes are surer than texts. */
function requestErrorCode(status: number, fault: AzureFault, text: string, isSpent: boolean) {
  const { codes } = fault
  const hasCode = (pattern: RegExp) => codes.some((code) => pattern.test(code))
  if (status === 404 ? hasFilterCode(codes) : isContentFiltered(fault)) return 'IMG_ERR_AZURE_CONTENT'
  if (isSpent) return 'IMG_ERR_AZURE_SPENDING_LIMIT'
  if (hasCode(/^(?:deployment|model)notfound$/)) return 'IMG_ERR_AZURE_DEPLOYMENT'
  if (status === 410 || hasCode(RETIRED_CODE)) return 'IMG_ERR_AZURE_RETIRED'
  if (hasCode(NOT_READY_CODE)) return 'IMG_ERR_AZURE_NOT_READY'
  if (hasCode(/^unsupportedapiversion$|^invalidapiversion/)) return 'IMG_ERR_AZURE_API_VERSION'
  if (hasCode(UNSUPPORTED_CODE)) return 'IMG_ERR_AZURE_UNSUPPORTED'
  if (hasCode(IMAGE_CODE)) return 'IMG_ERR_AZURE_IMAGE'
  if (/api.version/i.test(text)) return 'IMG_ERR_AZURE_API_VERSION'
  if (RETIRED_TEXT.test(text)) return 'IMG_ERR_AZURE_RETIRED'
  if (NOT_READY_TEXT.test(text)) return 'IMG_ERR_AZURE_NOT_READY'
  if (status === 404 || status === 405) return 'IMG_ERR_AZURE_NOT_FOUND'
  if (UNSUPPORTED_TEXT.test(text)) return 'IMG_ERR_AZURE_UNSUPPORTED'
  if (UNKNOWN_MODEL_TEXT.test(text)) return 'IMG_ERR_AZURE_DEPLOYMENT'
  const isImage = IMAGE_TEXT.test(text) || hasCode(/^imagegenerationusererror$/)
  return isImage ? 'IMG_ERR_AZURE_IMAGE' : 'IMG_ERR_AZURE_REJECTED'
}

function serverErrorCode(status: number, fault: AzureFault) {
  if (status === 504) return 'IMG_ERR_AZURE_TIMEOUT'
  // A page that is not Azure's JSON comes from a gateway, which does not know whether an image was generated.
  if (!fault.isJson) return 'IMG_ERR_AZURE_UNCLEAR'
  // A prompt that is rejected again and again gets the account blocked.
  if ((status === 500 || status === 503) && isContentFiltered(fault)) return 'IMG_ERR_AZURE_CONTENT'
  if (fault.codes.some((code) => NOT_READY_CODE.test(code))) return 'IMG_ERR_AZURE_NOT_READY'
  if (status === 503) return 'IMG_ERR_AZURE_UNAVAILABLE'
  return status === 500 ? 'IMG_ERR_AZURE_FAILED' : 'IMG_ERR_AZURE_UNCLEAR'
}
