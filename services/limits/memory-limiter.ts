import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import type { LimiterOptions } from './caller-limiter.ts'

/** Keys of one limiter; each takes some 200 bytes. */
const MAX_KEYS = 50_000

interface Window {
  consumed: number
  endsAt: number
}

/**
 * Counts in this process. The library's own storage has no bound on keys, a timer for each, and the wall clock: set back, it
 * would keep a caller locked out.
 */
export class MemoryLimiter extends RateLimiterMemory {
  /** In the order in which they end, since all have one length. */
  readonly #windows = new Map<string, Window>()
  readonly #now: () => number

  /** @param now milliseconds on a monotonic clock */
  constructor({ namespace, points, windowMs }: LimiterOptions, now = () => performance.now()) {
    super({ keyPrefix: namespace, points, duration: windowMs / 1000 })
    this.#now = now
  }

  override async consume(key: string | number, points = 1): Promise<RateLimiterRes> {
    const result = this.#add(String(key), points)
    if (result.consumedPoints > this.points) throw result
    return result
  }

  override async reward(key: string | number, points = 1): Promise<RateLimiterRes> {
    return this.#add(String(key), -points)
  }

  override async get(key: string | number): Promise<RateLimiterRes | null> {
    const window = this.#windows.get(String(key))
    return window === undefined || window.endsAt <= this.#now() ? null : this.#add(String(key), 0)
  }

  #add(key: string, points: number): RateLimiterRes {
    const now = this.#now()
    let window = this.#windows.get(key)
    if (window === undefined || window.endsAt <= now) {
      this.#windows.delete(key)
      if (this.#windows.size >= MAX_KEYS) this.#evict(now)
      window = { consumed: 0, endsAt: now + this.msDuration }
      this.#windows.set(key, window)
    }
    window.consumed = Math.max(0, window.consumed + points)
    return new RateLimiterRes(Math.max(0, this.points - window.consumed), window.endsAt - now, window.consumed)
  }

  /** Removes windows that have ended, or the oldest one if none has. */
  #evict(now: number): void {
    for (const [key, { endsAt }] of this.#windows) {
      if (endsAt > now && this.#windows.size < MAX_KEYS) return
      this.#windows.delete(key)
    }
  }
}
