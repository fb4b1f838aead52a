const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** Older than this, a date says more than an age. */
const MAX_AGE = 30 * DAY

const units: readonly (readonly [number, Intl.RelativeTimeFormatUnit])[] = [
  [DAY, 'day'],
  [HOUR, 'hour'],
  [MINUTE, 'minute'],
]

/**
 * How long ago, or the day if that is more than 30 days.
 * @param at, now milliseconds since 1970 @param language a BCP 47 tag
 */
export function formatAge(at: number, now: number, language: string): string {
  // The clocks of two machines differ a little: an image is never from the future.
  const passed = Math.max(0, now - at)
  if (passed > MAX_AGE) return new Intl.DateTimeFormat(language, { dateStyle: 'medium' }).format(at)
  const [size, unit] = units.find(([each]) => passed >= each) ?? [undefined, 'second']
  const count = size === undefined ? 0 : -Math.floor(passed / size)
  return new Intl.RelativeTimeFormat(language, { numeric: 'auto' }).format(count, unit)
}
