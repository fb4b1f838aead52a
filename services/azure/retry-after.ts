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

const AMOUNT = String.raw`\d{1,9}(?:\.\d{1,6})?`
const UNIT = '(?:milliseconds?|millis|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)'
const FURTHER = String.raw`(?:[\s,]{0,3}(?:and\s)?${AMOUNT}\s?${UNIT}(?![a-z%]))`
/** "retry after 26 seconds", "Try again in 7m12s", "wait 30 s". Rates ("6 requests in 1 minute") have none of these words. */
const WAIT = new RegExp(
  String.raw`\b(?:retry(?:ing)?|try (?:your request )?again|wait|resets?)\b[^.\d]{0,60}(${AMOUNT}\s?${UNIT}(?![a-z%])|${AMOUNT}(?=\s*(?:$|[.,;)](?!\d))))(${FURTHER}{0,3})`,
  'i',
)

/**
 * The wait that an error's text names, in milliseconds: some of Azure's gateways send no header. A text that repeats
 * `secrets`, such as the prompt, says nothing.
 */
export function waitInText(text: string, secrets: readonly string[]): number | undefined {
  const found = WAIT.exec(text)
  if (found === null) return undefined
  const [sentence] = found
  if (secrets.some((secret) => secret.toLowerCase().includes(sentence.toLowerCase()))) return undefined
  const amounts = `${found[1]} ${found[2]}`.matchAll(new RegExp(`(${AMOUNT})\\s?(${UNIT})?`, 'gi'))
  const total = [...amounts].reduce((sum, [, amount, unit = 's']) => sum + Number(amount) * millisecondsOf(unit), 0)
  return Math.min(total, MAX_TEXT_WAIT_MS)
}

function millisecondsOf(unit: string): number {
  const name = unit.toLowerCase()
  if (/^(ms|mil)/.test(name)) return 1
  if (name.startsWith('s')) return 1000
  if (name.startsWith('m')) return 60_000
  return name.startsWith('h') ? 3_600_000 : 86_400_000
}
