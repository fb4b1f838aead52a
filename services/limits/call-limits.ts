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
   * @param isAgain whether the call was counted before, and only its images are now
   */
  take(caller: string, tool: string, images: number, isAgain?: boolean): Promise<Grant>
  /** Returns images of a call that ended later than its response. @param at milliseconds since 1970, when they were counted */
  refund(caller: string, images: number, at: number): Promise<void>
  /** Whether so many images of a call would exceed the daily quota. Counts nothing. */
  wouldExceed(caller: string, images: number): Promise<LimitReached | undefined>
}

export function createCallLimits({
  callsPerMinute,
  imagesPerDay,
  createLimiter,
  now = Date.now,
}: CallLimitsOptions): CallLimits {
  const calls = createLimiter({ namespace: 'calls', points: callsPerMinute, windowMs: MINUTE })
  const quota = createLimiter({ namespace: 'images', points: imagesPerDay, windowMs: DAY })

  const keyOf = (caller: string, at = now()) => `${Math.floor(at / DAY)}:${caller}`
  const quotaReached = (): LimitReached => ({ limit: 'images', retryAfterMs: DAY - (now() % DAY) })

  async function takeImages(caller: string, images: number): Promise<Grant> {
    const key = keyOf(caller)
    const refund = () => quota.refund(key, images)
    const { isExceeded } = await quota.consume(key, images)
    if (!isExceeded) return { rejection: undefined, refund }
    await refund()
    return nothingTaken(quotaReached())
  }

  return {
    async refund(caller, images, at) {
      const key = keyOf(caller, at)
      // The count may be lost since, by a restart.
      if (imagesPerDay > 0 && (await quota.consumed(key)) >= images) await quota.refund(key, images)
    },
    async wouldExceed(caller, images) {
      if (imagesPerDay === 0 || (await quota.consumed(keyOf(caller))) + images <= imagesPerDay) return undefined
      return quotaReached()
    },
    async take(caller, tool, images, isAgain = false) {
      if (callsPerMinute > 0 && !isAgain) {
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
