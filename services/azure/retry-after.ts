import type { ResponseHeaders } from './transport.ts'

/** A wait pauses every call of a deployment, so none is trusted without a bound. */
const MAX_HEADER_WAIT_MS = 86_400_000
/** A text may quote what a client sent. */
const MAX_TEXT_WAIT_MS = 300_000

/**
 * Azure's `retry-after` in milliseconds; `retry-after-ms` takes precedence, since it is more precise. Of several values the
 * longest counts.
 */
export function readRetryAfter(headers: ResponseHeaders): number | undefined {
  const milliseconds = longest(headers['retry-after-ms']) ?? longest(headers['x-ms-retry-after-ms'])
  if (milliseconds !== undefined) return Math.min(milliseconds, MAX_HEADER_WAIT_MS)
  const after = firstValue(headers['retry-after'])
  if (after === undefined) return undefined
  const seconds = longest(headers['retry-after'])
  if (seconds !== undefined) return Math.min(seconds * 1000, MAX_HEADER_WAIT_MS)
  const date = /[a-z]/i.test(after) ? Date.parse(after) : Number.NaN
  if (Number.isNaN(date)) return undefined
  // Relative to Azure's clock, since ours may be wrong.
  const respondedAt = Date.parse(firstValue(headers.date) ?? '')
  const wait = date - (Number.isNaN(respondedAt) ? Date.now() : respondedAt)
  return Math.min(Math.max(0, wait), MAX_HEADER_WAIT_MS)
}

export function firstValue(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}

/** A header that several servers have set may be repeated, or joined by commas. */
function longest(header: string | string[] | undefined): number | undefined {
  const values = [header ?? []].flat().flatMap((value) => value.split(',').map(numberOf))
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 || known.length < values.length ? undefined : Math.max(...known)
}

/**
 * When a used up quota is full again, by the headers of the quota, in milliseconds: a number of seconds, or `6m0s`. Only of
 * a quota that is used up, since each response has these headers.
 */
export function readQuotaReset(headers: ResponseHeaders): number | undefined {
  const waits = ['requests', 'tokens'].map((kind) => {
    const isUsedUp = numberOf(firstValue(headers[`x-ratelimit-remaining-${kind}`])) === 0
    const reset = firstValue(headers[`x-ratelimit-reset-${kind}`])
    return isUsedUp && reset !== undefined ? waitInText(`resets ${reset}`, []) : undefined
  })
  const known = waits.filter((wait) => wait !== undefined)
  return known.length === 0 ? undefined : Math.max(...known)
}

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined || text.trim() === '') return undefined
  const value = Number(text)
  return Number.isFinite(value) && value >= 0 ? value : undefined
}

/** "retry after 26 seconds", "Try again in 7m12s", "wait 30 s". Rates ("6 requests in 1 minute") have none of these words. */
const INTRODUCTION = /\b(?:retry(?:ing)?|try (?:your request )?again|wait|resets?)\b[^.\d]{0,60}(?=\d)/gi
const AMOUNT =
  /(\d{1,9}(?:\.\d{1,6})?)\s?(milliseconds?|millis|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)(?![a-z%])/iy
/** A number without a unit, at the end of a sentence. */
const BARE_SECONDS = /(\d{1,9}(?:\.\d{1,6})?)(?=\s*(?:$|[.,;)](?!\d)))/y
const JOINT = /[\s,]{0,3}(?:and\s)?/y
const MAX_AMOUNTS = 4

/**
 * The wait that an error's text names, in milliseconds: some of Azure's gateways send no header. A text that repeats
 * `secrets`, such as the prompt, says nothing.
 */
export function waitInText(text: string, secrets: readonly string[]): number | undefined {
  for (const { 0: introduction, index } of text.matchAll(INTRODUCTION)) {
    const { waitMs, end } = readAmounts(text, index + introduction.length)
    if (waitMs === undefined) continue
    const sentence = text.slice(index, end).toLowerCase()
    if (secrets.some((secret) => secret.toLowerCase().includes(sentence))) return undefined
    return Math.min(waitMs, MAX_TEXT_WAIT_MS)
  }
  return undefined
}

/** "1 minute and 5 seconds", "7m12s", or a number of seconds. */
function readAmounts(text: string, start: number): { waitMs?: number; end: number } {
  let waitMs: number | undefined
  let end = start
  for (let at = start, count = 0; count < MAX_AMOUNTS; count++) {
    const [all = '', amount, unit = ''] = matchAt(AMOUNT, text, at) ?? []
    if (all === '') break
    waitMs = (waitMs ?? 0) + Number(amount) * millisecondsOf(unit)
    end = at + all.length
    at = end + (matchAt(JOINT, text, end)?.[0].length ?? 0)
  }
  if (waitMs !== undefined) return { waitMs, end }
  const seconds = matchAt(BARE_SECONDS, text, start)?.[0]
  return seconds === undefined ? { end } : { waitMs: Number(seconds) * 1000, end: start + seconds.length }
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at
  return pattern.exec(text)
}

function millisecondsOf(unit: string): number {
  const name = unit.toLowerCase()
  if (/^(ms|mil)/.test(name)) return 1
  if (name.startsWith('s')) return 1000
  if (name.startsWith('m')) return 60_000
  return name.startsWith('h') ? 3_600_000 : 86_400_000
}
