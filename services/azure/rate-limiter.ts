import type { MaybePromise } from '../bytes/maybe-promise.ts'
import { serviceError } from '../errors/errors.ts'
import type { ResponseHeaders } from './transport.ts'
import type { DeploymentState } from './types.ts'

/**
 * Spaces the requests to one deployment so that they stay within its quota. Azure enforces requests per minute over
 * windows of one to ten seconds, and rejected requests count too
 * (https://learn.microsoft.com/en-us/azure/foundry/openai/quotas-limits), so requests start evenly instead of in bursts.
 * The rate comes from `x-ratelimit-limit-requests`; without that header it adapts: halved after a 429, raised by 10 %
 * after a success.
 */
export interface RateLimiterOptions {
  /** Initial requests per minute. By default `INITIAL_CONCURRENCY` requests start, and their responses set the rate. */
  requestsPerMinute?: number
  /** Calls that may wait in the queue. */
  maxWaiting: number
  /** Length of the quota's minute in milliseconds; 60,000 by default, shorter in tests. */
  minuteMs?: number
}

/** One call's place in the queue. It keeps the place when it has to rejoin. */
export interface Ticket {
  signal: AbortSignal
  /** `performance.now()` at which the call ends. */
  deadlineAt: number
  /** `performance.now()` at which waiting ends; not after `deadlineAt`. */
  waitUntil: number
  /** Set at the first `acquire`; the lowest goes first. */
  order?: number
  onQueued?: (() => void) | undefined
}

export interface RateLimiter {
  /**
   * Waits for the call's turn. Exactly one `release` must follow.
   * @throws ServiceError IMG_ERR_AZURE_BUSY, IMG_ERR_CANCELLED, IMG_ERR_AZURE_NOT_SENT
   */
  acquire(ticket: Ticket): MaybePromise<void>
  /** A request has ended; its response's headers set the rate. `isRejected`: it was a 429. */
  release(headers: ResponseHeaders | undefined, isRejected: boolean): void
  /** Starts no request for some milliseconds. */
  pause(ms: number): void
  /** Milliseconds until the end of a `pause`; 0 if not paused. */
  pausedMs(): number
  /** Estimated milliseconds until a new call could start. */
  estimateMs(): number
  /** Waiting calls, the pause, and the quota as far as Azure has reported it. */
  status(): Pick<DeploymentState, 'waiting' | 'pausedMs' | 'quota' | 'quotaRemaining'>
}

interface Waiter {
  order: number
  start: () => void
}

/** Requests that run at once while the quota is unknown. */
const INITIAL_CONCURRENCY = 4
/** Node's maximum: https://nodejs.org/api/timers.html#settimeoutcallback-delay-args */
const MAX_TIMER_MS = 2 ** 31 - 1
/** Slightly wider than even spacing, since requests started evenly may still arrive closer together. */
const SPACING_FACTOR = 1.05
/** Starts are pruned beyond this number, and again when it has doubled, so that pruning costs little per start. */
const MIN_PRUNED_STARTS = 1_000

export function createRateLimiter({
  requestsPerMinute,
  maxWaiting,
  minuteMs = 60_000,
}: RateLimiterOptions): RateLimiter {
  return new AdaptiveRateLimiter(requestsPerMinute, maxWaiting, minuteMs)
}

class AdaptiveRateLimiter implements RateLimiter {
  readonly #maxWaiting: number
  readonly #minuteMs: number
  /** Milliseconds between starts; 0 where there is no known quota, `undefined` before the first response. */
  #intervalMs: number | undefined
  #nextStartAt = 0
  #pausedUntil = 0
  #running = 0
  /** Times of starts within the last minute, oldest first. */
  #starts: number[] = []
  #pruneAt = MIN_PRUNED_STARTS
  #queue: Waiter[] = []
  #nextOrder = 0
  #quota: number | undefined
  #quotaRemaining: { requests: number; until: number } | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(requestsPerMinute: number | undefined, maxWaiting: number, minuteMs: number) {
    this.#maxWaiting = maxWaiting
    this.#minuteMs = minuteMs
    if (requestsPerMinute !== undefined) this.#intervalMs = this.#intervalFor(requestsPerMinute)
  }

  status() {
    const isKnown = this.#quotaRemaining !== undefined && performance.now() < this.#quotaRemaining.until
    return {
      waiting: this.#queue.length,
      pausedMs: Math.ceil(this.pausedMs()),
      quota: this.#quota,
      // What was left a minute ago says nothing.
      quotaRemaining: isKnown ? this.#quotaRemaining?.requests : undefined,
    }
  }

  pausedMs() {
    return Math.max(0, this.#pausedUntil - performance.now())
  }

  estimateMs() {
    return this.#delayMs(performance.now()) + this.#queue.length * (this.#intervalMs ?? 0)
  }

  acquire(ticket: Ticket): MaybePromise<void> {
    const isNew = ticket.order === undefined
    const estimate = this.estimateMs()
    const now = performance.now()
    if (isNew && this.#queue.length >= this.#maxWaiting) throw busy(estimate)
    if (estimate > Math.max(0, ticket.waitUntil - now) || now > ticket.deadlineAt) throw busy(estimate)
    if (ticket.signal.aborted) throw serviceError('IMG_ERR_CANCELLED', [])
    ticket.order ??= this.#nextOrder++
    if (this.#queue.length === 0 && this.#delayMs(now) === 0 && this.#hasSlot()) return this.#start(now)
    return this.#wait(ticket, ticket.order)
  }

  #wait(ticket: Ticket, order: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void) => {
        clearTimeout(timer)
        ticket.signal.removeEventListener('abort', cancel)
        finish()
      }
      const abandon = (error: Error) => {
        this.#queue = this.#queue.filter((waiter) => waiter !== own)
        settle(() => reject(error))
      }
      const cancel = () => abandon(serviceError('IMG_ERR_CANCELLED', []))
      const own: Waiter = { order, start: () => settle(resolve) }
      const isLimited = ticket.waitUntil < ticket.deadlineAt
      const timer = setTimeout(
        () => abandon(isLimited ? busy(this.estimateMs()) : serviceError('IMG_ERR_AZURE_NOT_SENT', [])),
        Math.max(0, ticket.waitUntil - performance.now()),
      )
      ticket.signal.addEventListener('abort', cancel, { once: true })
      const at = this.#queue.findIndex((waiter) => waiter.order > order)
      this.#queue.splice(at === -1 ? this.#queue.length : at, 0, own)
      this.#drain()
      if (this.#queue.includes(own)) ticket.onQueued?.()
    })
  }

  release(headers: ResponseHeaders | undefined, isRejected: boolean) {
    this.#running--
    const limit = Number(headers?.['x-ratelimit-limit-requests'] ?? Number.NaN)
    const remaining = Number(headers?.['x-ratelimit-remaining-requests'] ?? Number.NaN)
    if (Number.isFinite(remaining) && remaining >= 0) {
      this.#quotaRemaining = { requests: remaining, until: performance.now() + this.#minuteMs }
    }
    if (Number.isFinite(limit) && limit >= 1) {
      this.#quota = limit
      this.#setRate(this.#intervalFor(limit))
    } else if (headers !== undefined) this.#adaptRate(isRejected)
    this.#drain()
  }

  pause(ms: number) {
    this.#pausedUntil = Math.max(this.#pausedUntil, performance.now() + ms)
    this.#drain()
  }

  #intervalFor(requestsPerMinute: number) {
    return (this.#minuteMs / requestsPerMinute) * SPACING_FACTOR
  }

  #setRate(intervalMs: number) {
    if (intervalMs === this.#intervalMs) return
    this.#intervalMs = intervalMs
    // Requests that started before the rate was known have used up their share of it.
    const [oldest] = this.#starts
    this.#dropOldStarts()
    if (oldest !== undefined) this.#nextStartAt = Math.max(this.#nextStartAt, oldest + this.#starts.length * intervalMs)
  }

  /** Multiplicative decrease after a 429 (to at most 60 and at least 1 request per minute), gradual increase otherwise. */
  #adaptRate(isRejected: boolean) {
    const fastest = this.#intervalFor(60)
    if (isRejected) this.#intervalMs = Math.min(Math.max(2 * (this.#intervalMs ?? 0), fastest), this.#intervalFor(1))
    else if (this.#intervalMs === undefined || this.#intervalMs < fastest / 10) this.#intervalMs = 0
    else this.#intervalMs *= 0.9
  }

  #dropOldStarts() {
    const since = performance.now() - this.#minuteMs
    this.#starts = this.#starts.filter((start) => start > since)
    this.#pruneAt = Math.max(MIN_PRUNED_STARTS, 2 * this.#starts.length)
  }

  /** Milliseconds until pause and spacing allow a start. */
  #delayMs(now: number): number {
    return Math.max(0, this.#pausedUntil - now, this.#nextStartAt - now)
  }

  #hasSlot(): boolean {
    return this.#intervalMs !== undefined || this.#running < INITIAL_CONCURRENCY
  }

  #start(now: number) {
    this.#running++
    this.#starts.push(now)
    if (this.#starts.length > this.#pruneAt) this.#dropOldStarts()
    if (this.#intervalMs !== undefined) this.#nextStartAt = Math.max(now, this.#nextStartAt) + this.#intervalMs
  }

  /** Starts as many waiting calls as may start now, and sets a timer for the next one. */
  #drain() {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      const now = performance.now()
      const delayMs = this.#delayMs(now)
      if (delayMs > 0) {
        this.#timer = setTimeout(() => this.#drain(), Math.min(delayMs, MAX_TIMER_MS)).unref()
        return
      }
      if (!this.#hasSlot()) return
      this.#queue.shift()
      this.#start(now)
      first.start()
    }
  }
}

function busy(estimateMs: number) {
  const seconds = Math.max(1, Math.ceil(estimateMs / 1000))
  return serviceError('IMG_ERR_AZURE_BUSY', [seconds], { retryAfterMs: seconds * 1000 })
}
