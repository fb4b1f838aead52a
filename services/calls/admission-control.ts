import { addressCaller } from '../auth/authenticator.ts'
import { ServiceError } from '../errors/errors.ts'
import type { CallLimits, LimitReached } from '../limits/call-limits.ts'
import type { CallGuard, PendingCall } from '../mcp/method.ts'
import { rejection } from '../mcp/protocol-error.ts'

/** Why a call was turned away: a closed set for metrics. */
export type CallRejection = 'calls' | 'images' | 'full'

export interface AdmissionControlOptions {
  /** Calls at a time in this process. */
  maxCalls: number
  limits: CallLimits
  /** Makes a call, or answers it with what is left of an earlier one; absent: every call is made. */
  attend?: CallGuard
  onRejected: (reason: CallRejection) => void
}

/** Milliseconds after which a full process is worth another try. */
const FULL_RETRY_MS = 5_000

export interface AdmissionControl {
  guard: CallGuard
  /** Calls under way, those included whose caller left. */
  readonly running: number
}

/**
 * What stands between a call and its tool: how many run at a time, how often a caller may call, how many images it may
 * have made in a day. Rejected calls cost nothing and are told when to come back.
 */
export function createAdmissionControl({
  maxCalls,
  limits,
  attend = (_call, run) => run(),
  onRejected,
}: AdmissionControlOptions): AdmissionControl {
  let running = 0

  async function admit(call: PendingCall, run: () => ReturnType<CallGuard>): ReturnType<CallGuard> {
    if (running >= maxCalls) {
      onRejected('full')
      throw rejection(503, `Concurrency limit reached; retry in ${FULL_RETRY_MS / 1000} s.`, {
        retryAfterMs: FULL_RETRY_MS,
      })
    }
    running++
    try {
      return await runWithin(call, run)
    } finally {
      running--
    }
  }

  async function runWithin({ tool, args, caller, isReadOnly }: PendingCall, run: () => ReturnType<CallGuard>) {
    const images = isReadOnly === true ? 0 : imagesOf(args)
    const { rejection: rejected, refund } = await limits.take(rateLimitKeyOf(caller), tool, images)
    if (rejected !== undefined) {
      onRejected(rejected.limit)
      throw rejection(429, sentenceFor(rejected), { retryAfterMs: rejected.retryAfterMs })
    }
    try {
      return await run()
    } catch (error) {
      // What the caller got wrong or took back was never made, and neither was what may be tried again for free.
      if (error instanceof ServiceError && (error.family === 'input' || error.retryable)) await refund()
      throw error
    }
  }

  return {
    guard: (call, run) => attend(call, () => admit(call, run)),
    get running() {
      return running
    },
  }
}

/** Until calls carry a `Caller`. */
function rateLimitKeyOf(caller: string): string {
  return caller.startsWith('address:') ? addressCaller(caller.slice('address:'.length)).rateLimitKey : caller
}

/** n images are n units. */
function imagesOf({ n }: Readonly<Record<string, unknown>>): number {
  return typeof n === 'number' && Number.isInteger(n) && n > 1 ? n : 1
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
