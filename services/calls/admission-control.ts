import { ServiceError } from '../errors/errors.ts'
import { Rejection } from '../errors/rejection.ts'
import type { CallLimits, LimitReached } from '../limits/call-limits.ts'
import type { InFlight } from './in-flight.ts'
import type { Around } from './types.ts'

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

/**
 * Limits how often a caller calls a tool and how many images it gets in a day.
 * @throws Rejection 429
 */
export function limitUsage(limits: CallLimits, onRejected: OnRejected): Around {
  return async ({ tool: { tool }, context, cost }, next) => {
    const { rejection, refund } = await limits.take(context.caller.rateLimitKey, tool.name, cost)
    if (rejection !== undefined) {
      onRejected(rejection.limit)
      throw new Rejection(429, sentenceFor(rejection), { retryAfterMs: rejection.retryAfterMs })
    }
    try {
      return await next()
    } catch (error) {
      // Nothing was generated where the arguments were wrong, the call was cancelled, or a retry is free.
      if (error instanceof ServiceError && (error.family === 'input' || error.retryable)) await refund()
      throw error
    }
  }
}

function sentenceFor({ limit, retryAfterMs }: LimitReached): string {
  const wait = describeWait(retryAfterMs)
  if (limit === 'calls') return `Call rate limit of this tool exceeded; retry in ${wait}.`
  return `Daily image quota exceeded; it resets at 00:00 UTC (in ${wait}).`
}

function describeWait(ms: number): string {
  const seconds = Math.ceil(ms / 1000)
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.ceil(seconds / 60)
  return minutes < 120 ? `${minutes} min` : `${Math.ceil(minutes / 60)} h`
}
