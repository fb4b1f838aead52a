import { isBilled, ServiceError } from '../errors/errors.ts'
import { Rejection } from '../errors/rejection.ts'
import type { CallLimits, LimitReached } from '../limits/call-limits.ts'
import type { InFlight } from './in-flight.ts'
import { DEFAULT_RULE } from './policy/policy.ts'
import type { Around, CallContext } from './types.ts'

/** Which limit rejected a call: a closed set for metrics. */
export type CallRejection = 'calls' | 'images' | 'full'

type OnRejected = (reason: CallRejection) => void

/** Milliseconds after which a full process is worth another attempt. */
const FULL_RETRY_MS = 5_000

/**
 * Limits how many calls run at a time in this process, those of disconnected clients included.
 * @throws Rejection 503
 */
export function limitConcurrency(inFlight: InFlight, maxCalls: number, onRejected: OnRejected): Around {
  return async (_call, next) => {
    if (inFlight.count >= maxCalls) {
      onRejected('full')
      throw new Rejection(503, `Concurrency limit reached; retry in ${describeWait(FULL_RETRY_MS)}.`, {
        retryAfterMs: FULL_RETRY_MS,
      })
    }
    inFlight.enter()
    try {
      return await next()
    } finally {
      inFlight.exit()
    }
  }
}

/** Counts the turns of jobs, of which the queue begins only so many at a time. */
export function countInFlight(inFlight: InFlight): Around {
  return async (_call, next) => {
    inFlight.enter()
    try {
      return await next()
    } finally {
      inFlight.exit()
    }
  }
}

/**
 * Limits how often a caller calls a tool and how many images it gets in a day.
 * @throws Rejection 429
 */
export function limitUsage(limits: CallLimits, onRejected: OnRejected): Around {
  return async ({ tool: { tool }, context, cost }, next) => {
    const isAgain = context.countedAt !== undefined
    const { rejection, refund } = await limits.take(context.caller.rateLimitKey, tool.name, cost, isAgain)
    context.countedAt = Date.now()
    if (rejection !== undefined) {
      onRejected(rejection.limit)
      throw new Rejection(429, sentenceFor(rejection), { retryAfterMs: rejection.retryAfterMs })
    }
    try {
      return await next()
    } catch (error) {
      if (isFree(error, context)) await refund()
      throw error
    }
  }
}

/** Returns to the daily quota what Azure's filter removed from a result: like a rule's, it counts generated images. */
export function countGenerated(limits: CallLimits): Around {
  return async (call, next) => {
    const result = await next()
    const { caller, countedAt, log } = call.context
    const missing = result.paid === undefined ? 0 : call.cost - result.paid.count
    if (missing > 0 && countedAt !== undefined) {
      // The images of the result are paid for: they are returned whatever happens to the count.
      await limits.refund(caller.rateLimitKey, missing, countedAt).catch((err: unknown) => {
        log.warn({ err }, 'the daily quota does not get back the images that were not generated')
      })
    }
    return result
  }
}

/**
 * Whether a call that failed so cost nothing: by the row of its error, or because Azure has no request of it. Quotas, budgets
 * and jobs all go by it.
 */
export function isFree(error: unknown, { sentRequests }: Pick<CallContext, 'sentRequests'>): boolean {
  return error instanceof ServiceError ? !isBilled(error.code) : sentRequests === 0
}

/** What a client reads of a limit. */
export function sentenceFor({ limit, retryAfterMs }: LimitReached): string {
  const wait = describeWait(retryAfterMs)
  if (limit === 'calls') return `Call rate limit of this tool exceeded; retry in ${wait}.`
  return `Daily image quota of rule ${DEFAULT_RULE} exceeded; it resets at 00:00 UTC (in ${wait}).`
}

/** A wait in words: seconds, minutes or hours. */
export function describeWait(ms: number): string {
  const seconds = Math.ceil(ms / 1000)
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.ceil(seconds / 60)
  return minutes < 120 ? `${minutes} min` : `${Math.ceil(minutes / 60)} h`
}
