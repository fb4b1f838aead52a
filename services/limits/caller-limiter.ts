import { createHash } from 'node:crypto'
import { type RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible'
import { memoize } from '../net/memoize.ts'

/** What a limiter counts and over which time. */
export interface LimiterOptions {
  /** Prefix of the keys; each namespace has its own capacity. */
  namespace: string
  /** Points that a key may consume in one window, which begins with the first of them. */
  points: number
  windowMs: number
}

/** Creates limiters that count in this process, or in Redis for all replicas. */
export type CreateLimiter = (options: LimiterOptions) => CallerLimiter

export interface Consumption {
  /** Whether the key has consumed more than its points. The points are counted in either case. */
  isExceeded: boolean
  /** Points that are still available in this window. */
  remaining: number
  /** Milliseconds until the window ends. */
  resetMs: number
}

/** Counts points by key, in a store that may be shared: keys are hashed, so that it contains no names and no long keys. */
export interface CallerLimiter {
  consume(key: string, points?: number): Promise<Consumption>
  refund(key: string, points: number): Promise<void>
  /** Points that the key has consumed in its window. Counts nothing. */
  consumed(key: string): Promise<number>
}

/** `RateLimiterRes` is no Error, so that a limit that was reached is a result here and no exception. */
export function createCallerLimiter(limiter: RateLimiterAbstract): CallerLimiter {
  return {
    async consume(key, points = 1) {
      const result = await limiter.consume(hash(key), points).catch((thrown: unknown) => {
        if (thrown instanceof RateLimiterRes) return thrown
        throw thrown
      })
      const { consumedPoints, remainingPoints, msBeforeNext } = result
      return { isExceeded: consumedPoints > limiter.points, remaining: remainingPoints, resetMs: msBeforeNext }
    },
    async refund(key, points) {
      await limiter.reward(hash(key), points)
    },
    consumed: async (key) => (await limiter.get(hash(key)))?.consumedPoints ?? 0,
  }
}

const hash = memoize((key) => createHash('sha256').update(key).digest('base64url').slice(0, 22))
