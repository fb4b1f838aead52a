import { serviceError } from '../errors/errors.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const units: ReadonlyMap<string, number> = new Map([
  ['s', 1000],
  ['m', MINUTE],
  ['min', MINUTE],
  ['h', HOUR],
  ['d', DAY],
  ['w', 7 * DAY],
])

const AGE = /^(\d{1,6}) ?(s|m|min|h|d|w)(?: ago)?$/i
const DATE = /^(\d{4})-(\d{2})-(\d{2})$/
/** The `T` may be a space, and the time zone may be left out for UTC. */
const TIME = /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2})(:\d{2}(?:\.\d{1,9})?)?([Zz]|[+-]\d{2}:?\d{2})?$/

/** A moment, or a whole day in UTC; milliseconds since 1970. */
export interface TimeSpan {
  startsAt: number
  endsAt: number
}

/**
 * A date, a time in ISO 8601, or an age.
 * @param argument its name, for the message @param now milliseconds since 1970
 * @throws ServiceError `IMG_ERR_ARGUMENTS`
 */
export function parseTime(argument: string, text: string, now: number): TimeSpan {
  const trimmed = text.trim()
  const span = parseAge(trimmed, now) ?? parseDate(trimmed) ?? parseInstant(trimmed)
  if (span !== undefined) return span
  const problem = `"${argument}" must be an age such as 30m, 2h, 7d or 4w, a date such as 2026-11-26, or a time such as 2026-11-26T08:00:00Z`
  throw serviceError('IMG_ERR_ARGUMENTS', [problem])
}

function parseAge(text: string, now: number): TimeSpan | undefined {
  const [, count, unit = ''] = AGE.exec(text) ?? []
  const length = units.get(unit.toLowerCase())
  if (count === undefined || length === undefined) return undefined
  const at = Math.max(0, now - Number(count) * length)
  return { startsAt: at, endsAt: at }
}

function parseDate(text: string): TimeSpan | undefined {
  const startsAt = DATE.test(text) ? timeOf(text, 'T00:00:00Z') : undefined
  return startsAt === undefined ? undefined : { startsAt, endsAt: startsAt + DAY }
}

function parseInstant(text: string): TimeSpan | undefined {
  const [, date = '', minutes = '', seconds = ':00', zone = 'Z'] = TIME.exec(text) ?? []
  const at = timeOf(date, `T${minutes}${seconds}${zone.toUpperCase()}`)
  return at === undefined ? undefined : { startsAt: at, endsAt: at }
}

/** Undefined for a day that the month has not, which `Date` would move into the next month. */
function timeOf(date: string, rest: string): number | undefined {
  const day = new Date(`${date}T00:00:00Z`)
  if (Number.isNaN(day.getTime()) || !day.toISOString().startsWith(date)) return undefined
  const at = Date.parse(`${date}${rest}`)
  return Number.isNaN(at) ? undefined : Math.max(0, at)
}

/** An age in words, such as `5 min ago`. */
export function describeAge(ms: number): string {
  if (ms < MINUTE) return 'just now'
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ago`
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h ago`
  return `${Math.floor(ms / DAY)} days ago`
}
