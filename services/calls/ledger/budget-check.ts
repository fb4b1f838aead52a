import { DatabaseUnavailableError } from '../../databases/unavailable.ts'
import type { Rejection } from '../../errors/rejection.ts'
import type { Reservation } from './budget.ts'
import { budgetRejection, ledgerUnavailable } from './budget-rejection.ts'
import { BudgetExceededError, type LedgerStore, type Spending } from './ledger-store.ts'

/**
 * What a budget would say to a call with these reservations; undefined: it may be made. Reserves nothing, so another call may
 * take the rest meanwhile.
 * @param at milliseconds since 1970
 */
export async function checkBudgets(
  store: Pick<LedgerStore, 'spending'>,
  reservations: readonly Reservation[],
  at: number,
): Promise<Rejection | undefined> {
  try {
    const spendings = new Map<string, readonly Spending[]>()
    for (const reservation of reservations) {
      const { period } = reservation
      const known = spendings.get(period) ?? (await store.spending(period))
      spendings.set(period, known)
      const limit = limitReached(known, reservation)
      if (limit !== undefined) return budgetRejection(new BudgetExceededError(reservation, limit), at)
    }
    return undefined
  } catch (error) {
    if (!(error instanceof DatabaseUnavailableError)) throw error
    return ledgerUnavailable(error)
  }
}

function limitReached(
  spendings: readonly Spending[],
  { rule, micros, images, maxMicros, maxImages }: Reservation,
): BudgetExceededError['limit'] | undefined {
  const known = spendings.find((each) => each.rule === rule)
  if ((known?.micros ?? 0) + (known?.reservedMicros ?? 0) + micros > maxMicros) return 'usd'
  return (known?.images ?? 0) + (known?.reservedImages ?? 0) + images > maxImages ? 'images' : undefined
}
