import { ServiceError } from '../errors/errors.ts'
import { Rejection } from '../errors/rejection.ts'
import type { Around, CallContext } from './types.ts'

/** How a call of a tool ended: a closed set for metrics. */
export const callOutcomes = [
  'ok',
  'input_error',
  'upstream_error',
  'service_error',
  'internal_error',
  'cancelled',
  'rejected',
] as const
export type CallOutcome = (typeof callOutcomes)[number]

export interface CallObserver {
  callStarted(tool: string): void
  callFinished(tool: string, outcome: CallOutcome, seconds: number): void
}

/** Counts every call, with its outcome and duration. */
export function measure(observer: CallObserver): Around {
  return async ({ tool: { tool }, context }, next) => {
    const startedAt = performance.now()
    let outcome: CallOutcome = 'internal_error'
    observer.callStarted(tool.name)
    try {
      const result = await next()
      outcome = result.isError === true ? 'input_error' : 'ok'
      return result
    } catch (error) {
      outcome = outcomeOf(error, context)
      throw error
    } finally {
      observer.callFinished(tool.name, outcome, (performance.now() - startedAt) / 1000)
    }
  }
}

function outcomeOf(error: unknown, context: CallContext): CallOutcome {
  if (error instanceof Rejection) return 'rejected'
  if (context.isCancelled) return 'cancelled'
  return error instanceof ServiceError ? `${error.family}_error` : 'internal_error'
}
