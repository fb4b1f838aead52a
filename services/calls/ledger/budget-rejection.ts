import { Rejection } from '../../errors/rejection.ts'
import { describeWait } from '../admission-control.ts'
import type { BudgetExceededError } from './ledger-store.ts'
import { toUsd } from './money.ts'
import { endOfPeriod } from './periods.ts'

/** Milliseconds after which a database that did not respond is worth another attempt. */
const RETRY_MS = 10_000

/** @param at milliseconds since 1970 */
export function budgetRejection({ reservation, limit }: BudgetExceededError, at: number): Rejection {
  const { rule, kind, micros, maxMicros } = reservation
  const endsAt = endOfPeriod(kind, at)
  const reset =
    kind === 'day'
      ? `it resets at 00:00 UTC (in ${describeWait(endsAt - at)})`
      : `it resets at 00:00 UTC on ${new Date(endsAt).toISOString().slice(0, 10)}`
  const sentence =
    limit === 'images'
      ? `Daily image quota of rule ${rule} exceeded; ${reset}.`
      : `The ${kind === 'day' ? 'daily' : 'monthly'} budget of rule ${rule} ($${dollars(maxMicros)}) does not allow this call, which may cost up to $${dollars(micros)}; ${reset}.`
  return new Rejection(429, sentence, { retryAfterMs: endsAt - at })
}

/** Under a budget no call may go out uncounted. */
export function ledgerUnavailable(cause: unknown): Rejection {
  const sentence = `Budgets cannot be checked at the moment; retry in ${RETRY_MS / 1000} s. Nothing was billed.`
  return new Rejection(503, sentence, { retryAfterMs: RETRY_MS, cause })
}

/** At least two decimals, and as many as there are. */
function dollars(micros: number): string {
  const text = toUsd(micros).toFixed(6)
  return text.replace(/0{1,4}$/, '')
}
