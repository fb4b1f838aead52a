import type { MaybePromise } from '../bytes/maybe-promise.ts'
import { serviceError } from '../errors/errors.ts'
import { ReportedQuota } from './reported-quota.ts'
import type { SharedDeployment, SharedState } from './shared-state.ts'
import type { ResponseHeaders } from './transport.ts'
import type { DeploymentState } from './types.ts'
import { busy, type Ticket, type Waiter, WaitingCalls } from './waiting-calls.ts'

/**
 * Spaces the requests to one deployment so that they stay within its quota. Azure enforces requests per minute over
 * windows of one to ten seconds, and rejected requests count too
 * (https://learn.microsoft.com/en-us/azure/foundry/openai/quotas-limits), so requests start evenly instead of in bursts.
 * The rate comes from `x-ratelimit-limit-requests`; without that header it adapts: halved after a 429, raised by 10 %
 * after a success.
 */
export interface RateLimiterOptions {
  /** Initial requests per minute. By default `INITIAL_CONCURRENCY` requests start, and their responses set the rate. */
  requestsPerMinute?: number | undefined
  /** Calls that may wait in the queue. */
  maxWaiting: number
  /** Length of the quota's minute in milliseconds; 60,000 by default, shorter in tests. */
  minuteMs?: number | undefined
  /** Where replicas share the quota. */
  shared?: SharedDeployment | undefined
  /** Whether calls that start now are not sent: they need not wait to learn that. */
  isBlocked?: () => boolean
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
  /** Estimated milliseconds until a further call of the caller could start; by default, of one that has none waiting. */
  estimateMs(caller?: string): number
  /** Milliseconds between two starts; 0 while no quota is known. */
  readonly spacingMs: number
  /** Waiting calls, the pause, and the quota as far as Azure has reported it. */
  status(): Pick<DeploymentState, 'waiting' | 'pausedMs' | 'quota' | 'quotaRemaining'>
  /** Ends its timers. */
  close(): void
}

/** Requests that run at once while the quota is unknown. */
const INITIAL_CONCURRENCY = 4
/** Node's maximum: https://nodejs.org/api/timers.html#settimeoutcallback-delay-args */
const MAX_TIMER_MS = 2 ** 31 - 1
/** Slightly wider than even spacing, since requests started evenly may still arrive closer together. */
const SPACING_FACTOR = 1.05
/** Starts are pruned beyond this number, and again when it has doubled, so that pruning costs little per start. */
const MIN_PRUNED_STARTS = 1_000
/** Milliseconds after which the shared state is read again, by replicas that want no turn as well. */
const SYNC_MS = 1_000
/** Milliseconds in which replicas have agreed upon a turn, or Redis is known not to respond. */
const AGREE_MS = 1_000
/** Callers of which a replica asks for a turn; all replicas compare theirs. */
const MAX_CALLERS = 16

export function createRateLimiter(options: RateLimiterOptions): RateLimiter {
  return new AdaptiveRateLimiter(options)
}

class AdaptiveRateLimiter implements RateLimiter {
  readonly #maxWaiting: number
  readonly #minuteMs: number
  readonly #shared: SharedDeployment | undefined
  readonly #isBlocked: () => boolean
  /** Milliseconds between starts; 0 where there is no known quota, `undefined` before the first response. */
  #intervalMs: number | undefined
  #nextStartAt = 0
  #pausedUntil = 0
  #running = 0
  /** Times of starts within the last minute, oldest first. */
  #starts: number[] = []
  #pruneAt = MIN_PRUNED_STARTS
  readonly #waiting = new WaitingCalls((waiter) => this.estimateMs(waiter.caller, waiter))
  readonly #quota: ReportedQuota
  #timer: NodeJS.Timeout | undefined
  #isClosed = false
  #isAsking = false
  /** When replicas may ask for the next turn, and when this one has to look again in any case. */
  #askAt = 0
  #syncAt = 0

  constructor(options: RateLimiterOptions) {
    const { requestsPerMinute, maxWaiting, minuteMs = 60_000, shared, isBlocked = () => false } = options
    this.#maxWaiting = maxWaiting
    this.#minuteMs = minuteMs
    this.#quota = new ReportedQuota(minuteMs)
    this.#shared = shared
    this.#isBlocked = isBlocked
    if (requestsPerMinute !== undefined) this.#intervalMs = this.#intervalFor(requestsPerMinute)
    shared?.onState((state) => this.#follow(state))
    shared?.onChange((isUsable) => this.#change(isUsable))
    if (shared !== undefined) this.#drain()
  }

  status() {
    return {
      waiting: this.#waiting.queue.length,
      pausedMs: Math.ceil(this.pausedMs()),
      ...this.#quota.state(),
    }
  }

  pausedMs() {
    return Math.max(0, this.#pausedUntil - performance.now())
  }

  get spacingMs() {
    return (this.#intervalMs ?? 0) * this.#share
  }

  estimateMs(caller?: string, waiter?: Waiter) {
    const turns = this.#waiting.queue.turnsBefore(caller, waiter, this.#isShared ? this.#shared?.state : undefined)
    return this.#delayMs(performance.now()) + turns * this.spacingMs
  }

  acquire(ticket: Ticket): MaybePromise<void> {
    const isNew = ticket.order === undefined
    const now = performance.now()
    // A call that rejoins is the first.
    const estimate = isNew ? this.estimateMs(ticket.caller) : this.#delayMs(now)
    const isFree = this.#waiting.queue.length === 0 && estimate === 0 && this.#hasSlot()
    if (isNew && !isFree && this.#waiting.queue.length >= this.#maxWaiting) throw busy(estimate)
    if (estimate > Math.max(0, ticket.waitUntil - now) || now > ticket.deadlineAt) throw busy(estimate)
    if (ticket.signal.aborted) throw serviceError('IMG_ERR_CANCELLED', [])
    this.#waiting.enter(ticket)
    if (isFree && !this.#isShared) return this.#start(now)
    // Agreeing with other replicas takes a moment, which is not a wait for the quota.
    const waitUntil = this.#isShared ? Math.max(ticket.waitUntil, now + AGREE_MS) : ticket.waitUntil
    const turn = this.#waiting.wait(ticket, Math.min(waitUntil, ticket.deadlineAt), !isNew)
    this.#drain()
    if (!this.#isShared) this.#waiting.announce()
    return turn
  }

  release(headers: ResponseHeaders | undefined, isRejected: boolean) {
    this.#running--
    const limit = this.#quota.read(headers)
    if (limit !== undefined) this.#setRate(this.#intervalFor(limit))
    else if (headers !== undefined) this.#adaptRate(isRejected)
    else if (this.#intervalMs === undefined) this.#shared?.startFailed()
    this.#drain()
  }

  pause(ms: number) {
    this.#pausedUntil = Math.max(this.#pausedUntil, performance.now() + ms)
    this.#shared?.pause(ms)
    this.#drain()
  }

  close() {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  #intervalFor(requestsPerMinute: number) {
    return (this.#minuteMs / requestsPerMinute) * SPACING_FACTOR
  }

  #setRate(intervalMs: number) {
    if (intervalMs === this.#intervalMs) return
    this.#intervalMs = intervalMs
    void this.#shared?.setInterval(intervalMs).then(() => this.#askNow())
    // Requests that started before the rate was known have used up their share of it.
    const [oldest] = this.#starts
    this.#dropOldStarts()
    if (oldest !== undefined) this.#nextStartAt = Math.max(this.#nextStartAt, oldest + this.#starts.length * intervalMs)
  }

  /** Multiplicative decrease after a 429 (to at most 60 and at least 1 request per minute), gradual increase otherwise. */
  #adaptRate(isRejected: boolean) {
    const fastest = this.#intervalFor(60)
    const before = this.#intervalMs
    if (isRejected) this.#intervalMs = Math.min(Math.max(2 * (before ?? 0), fastest), this.#intervalFor(1))
    else if (before === undefined || before < fastest / 10) this.#intervalMs = 0
    else this.#intervalMs = before * 0.9
    if (this.#intervalMs === before) return
    void this.#shared?.setInterval(this.#intervalMs, { intervalMs: before }).then(() => this.#askNow())
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

  /** Whether replicas agree upon each turn. Otherwise this one paces its own calls. */
  get #isShared(): boolean {
    return this.#shared?.isUsable === true
  }

  /** Intervals from one start of this replica to the next, while they do not agree upon each turn. */
  get #share(): number {
    return this.#isShared ? 1 : (this.#shared?.state?.replicas ?? 1)
  }

  #start(now: number) {
    this.#running++
    if (this.#isBlocked()) return
    this.#starts.push(now)
    if (this.#starts.length > this.#pruneAt) this.#dropOldStarts()
    if (this.#intervalMs === undefined || this.#isShared) return
    this.#nextStartAt = Math.max(now, this.#nextStartAt) + this.#intervalMs * this.#share
  }

  /** Starts as many waiting calls as may start now, and sets a timer for the next one. */
  #drain() {
    clearTimeout(this.#timer)
    if (this.#isShared) return this.#drainShared()
    while (this.#waiting.queue.length > 0) {
      const isBlocked = this.#isBlocked()
      const delayMs = isBlocked ? 0 : this.#delayMs(performance.now())
      if (delayMs > 0) return this.#drainIn(delayMs)
      if (!isBlocked && !this.#hasSlot()) return
      this.#startNext()
    }
    // Until then nothing has to be done, unless replicas begin to agree.
    if (this.#shared !== undefined && !this.#isClosed) this.#drainIn(SYNC_MS)
  }

  #drainShared() {
    if (this.#isAsking) return
    const canStart = this.#waiting.queue.length > 0 && this.#hasSlot()
    if (this.#isClosed && !canStart) return
    const turnAt = Math.max(this.#askAt, this.#pausedUntil)
    const waitMs = Math.min(this.#syncAt, canStart ? turnAt : this.#syncAt) - performance.now()
    if (waitMs > 0) this.#drainIn(waitMs)
    else void this.#ask(this.#shared, canStart)
  }

  async #ask(shared: SharedDeployment | undefined, canStart: boolean) {
    this.#isAsking = true
    this.#syncAt = performance.now() + SYNC_MS
    const turn = await shared?.ask({
      waiting: this.#waiting.queue.length,
      waitingCallers: this.#waiting.queue.callerCount,
      intervalMs: this.#intervalMs,
      ...(canStart ? this.#waiting.queue.nextCallers(MAX_CALLERS) : { callers: [], isAgain: false }),
    })
    this.#isAsking = false
    const now = performance.now()
    this.#askAt = now + (turn?.waitMs ?? 0)
    if (turn?.waitMs === 0) this.#startNext(turn.caller)
    this.#waiting.announce()
    this.#drain()
  }

  /** The time of the next turn may have changed. */
  #askNow() {
    this.#askAt = 0
    this.#drain()
  }

  #follow({ intervalMs, startsInMs, pausedMs }: SharedState) {
    const now = performance.now()
    this.#intervalMs = intervalMs ?? this.#intervalMs
    this.#nextStartAt = now + startsInMs
    this.#pausedUntil = Math.max(this.#pausedUntil, now + pausedMs)
  }

  #change(isUsable: boolean) {
    // Replicas that begin to pace themselves at the same time do not start at the same time.
    const lagMs = isUsable ? 0 : (this.#shared?.state?.rank ?? 0) * (this.#intervalMs ?? 0)
    if (lagMs > 0) this.#nextStartAt = Math.max(performance.now(), this.#nextStartAt) + lagMs
    this.#askNow()
  }

  #startNext(caller?: string) {
    if (this.#waiting.startNext(caller)) this.#start(performance.now())
  }

  #drainIn(ms: number) {
    this.#timer = setTimeout(() => this.#drain(), Math.min(ms, MAX_TIMER_MS)).unref()
  }
}
