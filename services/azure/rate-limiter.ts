import { serviceError } from '../errors/errors.ts'
import type { ResponseHeaders } from './transport.ts'

/**
 * Spaces the requests to one deployment so that its quota is kept. Azure enforces requests per minute over windows of
 * one to ten seconds, and rejected requests count too (https://learn.microsoft.com/en-us/azure/foundry/openai/quotas-limits),
 * so requests start evenly instead of in bursts. The rate is learned from `x-ratelimit-limit-requests`,
 * and felt for where Azure does not send it.
 */
export interface RateLimiterOptions {
  /** Requests per minute to start with; without it a few go ahead, and the rest waits for what their responses say. */
  requestsPerMinute?: number
  /** Calls that may wait. */
  maxWaiting: number
  /** Length of the quota's minute in milliseconds; 60,000 unless a test says otherwise. */
  minuteMs?: number
}

/** One call's place in the queue; it keeps it when it has to come back. */
export interface Ticket {
  signal: AbortSignal
  /** `performance.now()` at which waiting is pointless. */
  deadlineAt: number
  /** Set at the first entry; the lowest goes first. */
  order?: number
  onQueued?: (() => void) | undefined
}

export interface RateLimiter {
  /**
   * Waits for a turn. After it exactly one `left` must follow.
   * @throws ServiceError IMG_ERR_AZURE_BUSY, IMG_ERR_CANCELLED, IMG_ERR_AZURE_NOT_SENT
   */
  enter(ticket: Ticket): Promise<void>
  /** A request has ended; its response's headers teach the rate. `rejected`: it was a 429. */
  left(headers: ResponseHeaders | undefined, rejected: boolean): void
  /** Lets nobody start for some milliseconds. */
  pause(ms: number): void
  /** Milliseconds until the gate opens again after `pause`; 0 if it is not paused. */
  pausedMs(): number
  /** Milliseconds until a call that came now could start, as far as is known. */
  estimateMs(): number
  readonly waiting: number
}

interface Waiter {
  ticket: Ticket & { order: number }
  start: () => void
}

/** How many may run while nothing is known of the quota. */
const coldRequests = 4
/** Node takes more for a millisecond: https://nodejs.org/api/timers.html#settimeoutcallback-delay-args */
const longestTimerMs = 2 ** 31 - 1
/** A little more than the even distance, since two requests may travel at different speeds. */
const spacing = 1.05

export function createRateLimiter({
  requestsPerMinute,
  maxWaiting,
  minuteMs = 60_000,
}: RateLimiterOptions): RateLimiter {
  return new Gate(requestsPerMinute, maxWaiting, minuteMs)
}

class Gate implements RateLimiter {
  readonly #maxWaiting: number
  readonly #minuteMs: number
  /** Milliseconds between starts; 0 where no quota is known of, `undefined` before the first response. */
  #intervalMs: number | undefined
  #nextStartAt = 0
  #pausedUntil = 0
  #running = 0
  /** Starts within the last minute, oldest first. */
  #starts: number[] = []
  #queue: Waiter[] = []
  #nextOrder = 0
  #timer: NodeJS.Timeout | undefined

  constructor(requestsPerMinute: number | undefined, maxWaiting: number, minuteMs: number) {
    this.#maxWaiting = maxWaiting
    this.#minuteMs = minuteMs
    if (requestsPerMinute !== undefined) this.#intervalMs = this.#intervalFor(requestsPerMinute)
  }

  get waiting() {
    return this.#queue.length
  }

  pausedMs() {
    return Math.max(0, this.#pausedUntil - performance.now())
  }

  estimateMs() {
    const now = performance.now()
    const first = Math.max(this.#pausedUntil, this.#nextStartAt, now) - now
    return first + this.#queue.length * (this.#intervalMs ?? 0)
  }

  enter(ticket: Ticket): Promise<void> {
    const isNew = ticket.order === undefined
    const estimate = this.estimateMs()
    if (isNew && this.#queue.length >= this.#maxWaiting) return Promise.reject(busy(estimate))
    if (performance.now() + estimate > ticket.deadlineAt) return Promise.reject(busy(estimate))
    ticket.order ??= this.#nextOrder++
    const { order } = ticket
    return new Promise((resolve, reject) => {
      if (ticket.signal.aborted) return reject(serviceError('IMG_ERR_CANCELLED', []))
      const settle = (finish: () => void) => {
        clearTimeout(timer)
        ticket.signal.removeEventListener('abort', cancel)
        finish()
      }
      const disconnect = (error: Error) => {
        this.#queue = this.#queue.filter((waiter) => waiter !== mine)
        settle(() => reject(error))
      }
      const cancel = () => disconnect(serviceError('IMG_ERR_CANCELLED', []))
      const mine: Waiter = { ticket: { ...ticket, order }, start: () => settle(resolve) }
      const timer = setTimeout(
        () => disconnect(serviceError('IMG_ERR_AZURE_NOT_SENT', [])),
        Math.max(0, ticket.deadlineAt - performance.now()),
      )
      ticket.signal.addEventListener('abort', cancel, { once: true })
      const at = this.#queue.findIndex((waiter) => waiter.ticket.order > order)
      this.#queue.splice(at === -1 ? this.#queue.length : at, 0, mine)
      this.#pump()
      if (this.#queue.includes(mine)) ticket.onQueued?.()
    })
  }

  left(headers: ResponseHeaders | undefined, rejected: boolean) {
    this.#running--
    const limit = Number(headers?.['x-ratelimit-limit-requests'] ?? Number.NaN)
    if (Number.isFinite(limit) && limit >= 1) this.#learn(this.#intervalFor(limit))
    else if (headers !== undefined) this.#feel(rejected)
    this.#pump()
  }

  pause(ms: number) {
    this.#pausedUntil = Math.max(this.#pausedUntil, performance.now() + ms)
    this.#pump()
  }

  #intervalFor(requestsPerMinute: number) {
    return (this.#minuteMs / requestsPerMinute) * spacing
  }

  #learn(intervalMs: number) {
    if (intervalMs === this.#intervalMs) return
    this.#intervalMs = intervalMs
    // What went out before the rate was known has used its share.
    const [oldest] = this.#starts
    this.#recentStarts()
    if (oldest !== undefined) this.#nextStartAt = Math.max(this.#nextStartAt, oldest + this.#starts.length * intervalMs)
  }

  /** Without the header the rate is felt for: half as fast after a rejection, a little faster after each success. */
  #feel(rejected: boolean) {
    const fastest = this.#intervalFor(60)
    if (rejected) this.#intervalMs = Math.min(Math.max(2 * (this.#intervalMs ?? 0), fastest), this.#intervalFor(1))
    else if (this.#intervalMs === undefined || this.#intervalMs < fastest / 10) this.#intervalMs = 0
    else this.#intervalMs *= 0.9
  }

  #recentStarts(): number {
    const since = performance.now() - this.#minuteMs
    this.#starts = this.#starts.filter((start) => start > since)
    return this.#starts.length
  }

  #pump() {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      const now = performance.now()
      const opensAt = Math.max(this.#pausedUntil, this.#nextStartAt)
      if (opensAt > now) {
        this.#timer = setTimeout(() => this.#pump(), Math.min(opensAt - now, longestTimerMs)).unref()
        return
      }
      if (this.#intervalMs === undefined && this.#running >= coldRequests) return
      this.#queue.shift()
      this.#running++
      this.#starts.push(now)
      if (this.#starts.length > 1000) this.#recentStarts()
      if (this.#intervalMs !== undefined) this.#nextStartAt = Math.max(now, this.#nextStartAt) + this.#intervalMs
      first.start()
    }
  }
}

function busy(estimateMs: number) {
  const seconds = Math.max(1, Math.ceil(estimateMs / 1000))
  return serviceError('IMG_ERR_AZURE_BUSY', [seconds], { retryAfterMs: seconds * 1000 })
}
