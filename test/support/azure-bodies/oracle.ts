/**
 * What must follow an error of Azure's, written down from Microsoft's documentation and the rules on money, without a look
 * at how the service decides.
 */

export type Action = 'retry' | 'waitForQuota' | 'refreshCredential' | 'tryOtherRoute' | 'giveUp'

export interface Verdict {
  /** Any of them. */
  codes: readonly string[]
  action: Action
  /** The client must be told that an image may have been billed. */
  mayBeBilled: boolean
}

/** What an error means, by its distinguishing code or text. */
export type Meaning =
  | ('filter' | 'image' | 'mask' | 'parameter' | 'unsupported' | 'retired' | 'api version' | 'spending' | 'none')
  | ('deployment' | 'not ready' | 'blocked' | 'keys disabled' | 'capacity')

const free = (action: Action, ...codes: string[]): Verdict => ({
  codes: codes.map((code) => `IMG_ERR_AZURE_${code}`),
  action,
  mayBeBilled: false,
})
const billed = (...codes: string[]): Verdict => ({ ...free('giveUp', ...codes), mayBeBilled: true })

const byMeaning: Readonly<Record<Exclude<Meaning, 'none'>, Verdict>> = {
  filter: free('giveUp', 'CONTENT'),
  image: free('giveUp', 'IMAGE'),
  mask: free('giveUp', 'MASK'),
  parameter: free('tryOtherRoute', 'REJECTED'),
  unsupported: free('tryOtherRoute', 'UNSUPPORTED', 'REJECTED'),
  retired: free('tryOtherRoute', 'RETIRED'),
  'api version': free('tryOtherRoute', 'API_VERSION'),
  spending: free('giveUp', 'SPENDING_LIMIT'),
  deployment: free('tryOtherRoute', 'DEPLOYMENT'),
  'not ready': free('tryOtherRoute', 'NOT_READY'),
  blocked: free('giveUp', 'ACCOUNT_BLOCKED'),
  'keys disabled': free('giveUp', 'KEY_DISABLED'),
  capacity: free('waitForQuota', 'CAPACITY'),
}

const byStatus: Readonly<Record<number, Verdict>> = {
  301: free('giveUp', 'REDIRECT'),
  302: free('giveUp', 'REDIRECT'),
  307: free('giveUp', 'REDIRECT'),
  308: free('giveUp', 'REDIRECT'),
  400: free('tryOtherRoute', 'REJECTED'),
  401: free('refreshCredential', 'CREDENTIAL'),
  402: free('giveUp', 'SPENDING_LIMIT'),
  403: free('giveUp', 'FORBIDDEN'),
  404: free('tryOtherRoute', 'NOT_FOUND'),
  405: free('tryOtherRoute', 'NOT_FOUND'),
  408: billed('TIMEOUT'),
  409: free('tryOtherRoute', 'REJECTED'),
  410: free('tryOtherRoute', 'RETIRED'),
  413: free('tryOtherRoute', 'TOO_LARGE'),
  415: free('tryOtherRoute', 'REJECTED'),
  422: free('tryOtherRoute', 'REJECTED'),
  424: free('tryOtherRoute', 'REJECTED'),
  429: free('waitForQuota', 'RATE_LIMIT'),
  499: billed('UNCLEAR'),
  501: billed('UNCLEAR'),
  502: billed('UNCLEAR'),
  504: billed('TIMEOUT'),
  520: billed('UNCLEAR'),
}

export const statuses = [...Object.keys(byStatus).map(Number), 500, 503]

/** Statuses whose meaning no body changes: what stands before Azure may have written it. */
const isFinal = (status: number) => status < 400 || status >= 500 || [408, 413, 499].includes(status)

/** @param isJson the body is Azure's own JSON, and not a page of a gateway */
export function verdictOf(status: number, isJson: boolean, meaning: Meaning): Verdict {
  if (status === 500 || status === 503) {
    if (!isJson) return billed('UNCLEAR')
    if (meaning === 'filter') return byMeaning.filter
    return free('retry', status === 500 ? 'FAILED' : 'UNAVAILABLE')
  }
  const own = byStatus[status]
  if (own === undefined) throw new Error(`no verdict for ${status}`)
  return meaning === 'none' || isFinal(status) ? own : byMeaning[meaning]
}

/** The statuses with which Azure sends each meaning. */
export const statusesOf: Readonly<Record<Exclude<Meaning, 'none'>, readonly number[]>> = {
  filter: [400, 422, 500, 503],
  image: [400, 415, 422],
  mask: [400, 422],
  parameter: [400, 422],
  unsupported: [400, 405, 422],
  retired: [400, 404, 410],
  'api version': [400],
  spending: [400, 402, 403, 429],
  deployment: [400, 404],
  'not ready': [400, 404, 409, 424],
  blocked: [403],
  'keys disabled': [401, 403],
  capacity: [429],
}
