import type { RedisConnection } from '../../databases/redis.ts'
import { createNews } from '../news.ts'

/** What processes tell each other about jobs. Messages may get lost, so each receiver also looks into the store. */
export interface JobEvents {
  /** The job has another state, such as its end. */
  report(id: string): void
  /** The job is to be cancelled, whichever process runs it. */
  requestCancel(id: string): void
  /** Calls back for every such request, this process's included. */
  onCancelRequested(listener: (id: string) => void): void
  /** Resolves when a change of the job is reported or found by `check`, after so many milliseconds, or when the signal fires. */
  changed(id: string, ms: number, signal: AbortSignal, check: () => Promise<boolean>): Promise<void>
  close(): void
}

/** Messages may get lost, and without Redis processes on one folder send none. */
const CHECK_EVERY_MS = 2_000
const CHECK_BESIDE_MESSAGES_MS = 10_000
const CHANNEL = 'jobs'
const CANCEL_CHANNEL = 'job-cancels'

export function createJobEvents(redis: RedisConnection | undefined): JobEvents {
  const news = createNews<string>()
  const cancels: ((id: string) => void)[] = []

  function cancel(id: string): void {
    for (const listener of cancels) listener(id)
  }

  const subscriptions = [redis?.subscribe(CHANNEL, news.wake), redis?.subscribe(CANCEL_CHANNEL, cancel)]

  return {
    report(id) {
      news.wake(id)
      void redis?.publish(CHANNEL, id)
    },
    requestCancel(id) {
      cancel(id)
      void redis?.publish(CANCEL_CHANNEL, id)
    },
    onCancelRequested: (listener) => void cancels.push(listener),
    async changed(id, ms, signal, check) {
      const until = performance.now() + ms
      const stop = new AbortController()
      const ends = AbortSignal.any([signal, stop.signal])
      try {
        while (!signal.aborted && performance.now() < until) {
          const checkEveryMs = redis?.isUsable ? CHECK_BESIDE_MESSAGES_MS : CHECK_EVERY_MS
          // Before the check, because it may change in between.
          const report = news.wait(id, ends, Math.min(checkEveryMs, until - performance.now()))
          if ((await check()) || (await report)) break
        }
      } finally {
        stop.abort()
      }
    },
    close() {
      for (const unsubscribe of subscriptions) unsubscribe?.()
    },
  }
}
