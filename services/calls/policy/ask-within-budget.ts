import { ServiceError } from '../../errors/errors.ts'
import { InputRequired } from '../input.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Around } from '../types.ts'

/**
 * Rejects a call that a budget does not allow before anybody is asked for its price. It comes right before the policy, which
 * asks; money is reserved only afterwards.
 * @throws Rejection
 */
export function askWithinBudget({ check }: Pick<Ledger, 'check'>): Around {
  return async (call, next) => {
    try {
      return await next()
    } catch (error) {
      const exceeded = isQuestion(error) ? await check(call) : undefined
      throw exceeded ?? error
    }
  }
}

const isQuestion = (error: unknown) =>
  error instanceof InputRequired || (error instanceof ServiceError && error.code === 'IMG_ERR_CONFIRM_COST')
