import type { CreateLimiter } from './caller-limiter.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

export interface CallLimitsOptions {
  /** Calls of one tool that a caller may make in a minute; 0 means no limit. */
  callsPerMinute: number
  /** Images that a caller may generate in a day (UTC); 0 means no limit. */
  imagesPerDay: number
  createLimiter: CreateLimiter
  /** The wall clock: days are calendar days. */
  now?: () => number
}

/** Which limit a call has reached. */
export interface LimitReached {
  limit: 'calls' | 'images'
  retryAfterMs: number
}

export interface Grant {
  /** Undefined: the call may be made. */
  rejection: LimitReached | undefined
  /** Returns images that were not generated to the quota of the day on which they were counted. */
  refund(): Promise<void>
}

export interface CallLimits {
  /**
   * Counts a call of a tool and the images that it requests. A rejected call costs nothing of the daily quota.
   * @param caller its `rateLimitKey`
   */
  take(caller: string, tool: string, images: number): Promise<Grant>
}

export function createCallLimits({
  callsPerMinute,
  imagesPerDay,
  createLimiter,
  now = Date.now,
}: CallLimitsOptions): CallLimits {
  const calls = createLimiter({ namespace: 'calls', points: callsPerMinute, windowMs: MINUTE })
  const quota = createLimiter({ namespace: 'images', points: imagesPerDay, windowMs: DAY })

  async function takeImages(caller: string, images: number): Promise<Grant> {
    const key = `${Math.floor(now() / DAY)}:${caller}`
    const refund = () => quota.refund(key, images)
    const { isExceeded } = await quota.consume(key, images)
    if (!isExceeded) return { rejection: undefined, refund }
    await refund()
    return nothingTaken({ limit: 'images', retryAfterMs: DAY - (now() % DAY) })
  }

  return {
    async take(caller, tool, images) {
      if (callsPerMinute > 0) {
        const { isExceeded, resetMs } = await calls.consume(`${tool}:${caller}`)
        if (isExceeded) return nothingTaken({ limit: 'calls', retryAfterMs: resetMs })
      }
      return imagesPerDay === 0 ? nothingTaken(undefined) : await takeImages(caller, images)
    },
  }
}

/** A grant that took nothing from the quota. */
function nothingTaken(rejection: LimitReached | undefined): Grant {
  return { rejection, refund: async () => {} }
}
