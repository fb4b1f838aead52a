import type { Caller } from '../auth/authenticator.ts'
import { Rejection } from '../errors/rejection.ts'

export interface SubscriptionsOptions {
  /** Open ones, of all callers together and of one. */
  maxOpen: number
  maxOfCaller: number
  /** Milliseconds after which one ends, so that no client listens on with a credential that has ended. */
  maxMs: number
  /** Milliseconds for which changes are collected before a client is notified of them. */
  collectMs: number
  onRejected?: () => void
}

/** The streams on which clients are told of changes. They take no turn of a call, only a connection. */
export interface Subscriptions {
  readonly count: number
  readonly collectMs: number
  /**
   * Counts a subscription until it ends: the client has disconnected, its time is over, or the service shuts down.
   * @param begin gets the signal of the end
   * @throws Rejection 429 for a caller with too many, 503 if there are too many in all
   */
  run(caller: Caller, disconnected: AbortSignal, begin: (ended: AbortSignal) => void): Promise<void>
  /** Ends all of them, and every later one at once. */
  close(): void
}

export const defaultSubscriptions: SubscriptionsOptions = {
  maxOpen: 1_024,
  maxOfCaller: 32,
  maxMs: 3_600_000,
  collectMs: 500,
}

const RETRY_AFTER_MS = 60_000

export function createSubscriptions(options: SubscriptionsOptions = defaultSubscriptions): Subscriptions {
  const { maxOpen, maxOfCaller, maxMs, collectMs, onRejected } = options
  const closing = new AbortController()
  const byCaller = new Map<string, number>()
  let count = 0

  function enter(caller: string): void {
    const own = byCaller.get(caller) ?? 0
    if (own >= maxOfCaller || count >= maxOpen) {
      onRejected?.()
      const retryAfterMs = RETRY_AFTER_MS
      if (own < maxOfCaller) throw new Rejection(503, 'Too many subscriptions are open.', { retryAfterMs })
      throw new Rejection(429, `You have ${own} open subscriptions: close one first.`, { retryAfterMs })
    }
    byCaller.set(caller, own + 1)
    count++
  }
  function exit(caller: string): void {
    const others = (byCaller.get(caller) ?? 1) - 1
    if (others > 0) byCaller.set(caller, others)
    else byCaller.delete(caller)
    count--
  }

  return {
    get count() {
      return count
    },
    collectMs,
    async run({ rateLimitKey: caller }, disconnected, begin) {
      enter(caller)
      const { promise, resolve } = Promise.withResolvers<void>()
      const over = new AbortController()
      const timer = setTimeout(() => over.abort(), maxMs).unref()
      const ended = AbortSignal.any([disconnected, over.signal, closing.signal])
      try {
        begin(ended)
        ended.addEventListener('abort', () => resolve(), { once: true })
        if (!ended.aborted) await promise
      } finally {
        over.abort()
        clearTimeout(timer)
        exit(caller)
      }
    },
    close: () => closing.abort(),
  }
}
