const DAY = 86_400_000

/** Periods of budgets: calendar days and months in UTC. */
export const periodKinds = ['day', 'month'] as const
export type PeriodKind = (typeof periodKinds)[number]

/** `2026-11-27` or `2026-11`. @param at milliseconds since 1970 */
export function periodOf(kind: PeriodKind, at: number): string {
  return new Date(at).toISOString().slice(0, kind === 'day' ? 10 : 7)
}

/** When the period ends in which the moment lies; milliseconds since 1970. */
export function endOfPeriod(kind: PeriodKind, at: number): number {
  if (kind === 'day') return at - (at % DAY) + DAY
  const time = new Date(at)
  return Date.UTC(time.getUTCFullYear(), time.getUTCMonth() + 1)
}
