import type { Quote } from '../../azure/types.ts'
import type { MatchedRule } from '../types.ts'
import { limitInMicros, toMicros } from './money.ts'
import { type PeriodKind, periodOf } from './periods.ts'

/** What a call counts in one period of one rule. */
export interface Entry {
  readonly rule: string
  /** `2026-11-27` or `2026-11`. */
  readonly period: string
  /** Millionths of a US dollar. */
  readonly micros: number
  readonly images: number
}

/** An entry with the limits of its period; `Number.MAX_SAFE_INTEGER`: none. */
export interface Reservation extends Entry {
  readonly kind: PeriodKind
  /** Otherwise its limits only observe. */
  readonly isEnforced: boolean
  readonly maxMicros: number
  readonly maxImages: number
  /** What an image counts if its price remains unknown. */
  readonly unknownMicros: number | undefined
}

export const hasBudget = ({ imagesPerDay, usdPerDay, usdPerMonth }: MatchedRule): boolean =>
  (imagesPerDay ?? usdPerDay ?? usdPerMonth) !== undefined

/**
 * What a call reserves before it is sent: the highest price of its arguments, in every period that a rule limits. In one
 * order for all calls, so that no two of them wait for each other's rows.
 * @param at milliseconds since 1970
 */
export function reservationsOf(
  rules: readonly MatchedRule[],
  quote: Pick<Quote, 'maxUsd' | 'count'>,
  at: number,
): Reservation[] {
  return rules
    .flatMap((rule) => [...inPeriod(rule, 'day', quote, at), ...inPeriod(rule, 'month', quote, at)])
    .toSorted((a, b) => compare(a.rule, b.rule) || compare(a.period, b.period))
}

function inPeriod(
  { name, isEnforced, imagesPerDay, usdPerDay, usdPerMonth, priceUnknownUsd }: MatchedRule,
  kind: PeriodKind,
  { maxUsd, count }: Pick<Quote, 'maxUsd' | 'count'>,
  at: number,
): Reservation[] {
  const [usd, images] = kind === 'day' ? [usdPerDay, imagesPerDay] : [usdPerMonth, undefined]
  if (usd === undefined && images === undefined) return []
  const unknownMicros = priceUnknownUsd === undefined ? undefined : toMicros(priceUnknownUsd)
  return [
    {
      rule: name,
      period: periodOf(kind, at),
      kind,
      isEnforced,
      micros: maxUsd === undefined ? (unknownMicros ?? 0) * count : toMicros(maxUsd),
      images: count,
      maxMicros: usd === undefined ? Number.MAX_SAFE_INTEGER : limitInMicros(usd),
      maxImages: images ?? Number.MAX_SAFE_INTEGER,
      unknownMicros: maxUsd === undefined ? unknownMicros : undefined,
    },
  ]
}

/** What a call counts that has generated so many images. @param costUsd undefined: its price remains unknown */
export function settled(
  { rule, period, micros, unknownMicros }: Reservation,
  costUsd: number | undefined,
  images: number,
): Entry {
  if (costUsd !== undefined) return { rule, period, micros: toMicros(costUsd), images }
  return { rule, period, micros: unknownMicros === undefined ? micros : unknownMicros * images, images }
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
