import { ServiceError } from '../errors/errors.ts'
import type { CallLimits, Rejection } from '../limits/call-limits.ts'
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
      throw rejection(503, 'The service is working on as many calls as it can. Try again in some seconds.', {
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
    const { rejection: rejected, release } = await limits.take(caller, tool, images)
    if (rejected !== undefined) {
      onRejected(rejected.limit)
      throw rejection(429, sentenceFor(rejected), { retryAfterMs: rejected.retryAfterMs })
    }
    try {
      return await run()
    } catch (error) {
      // What the caller got wrong or took back was never made, and neither was what may be tried again for free.
      if (error instanceof ServiceError && (error.family === 'input' || error.retryable)) await release()
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

/** n images are n units. */
function imagesOf({ n }: Readonly<Record<string, unknown>>): number {
  return typeof n === 'number' && Number.isInteger(n) && n > 1 ? n : 1
}

function sentenceFor({ limit, retryAfterMs }: Rejection): string {
  const wait = describeWait(retryAfterMs)
  if (limit === 'calls') return `You have called this tool too often in the last minute. Try again in ${wait}.`
  return `Your images of today are used up. There will be new ones in ${wait}, at midnight UTC.`
}

function describeWait(ms: number): string {
  const seconds = Math.ceil(ms / 1000)
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.ceil(seconds / 60)
  return minutes < 120 ? `${minutes} min` : `${Math.ceil(minutes / 60)} h`
}
