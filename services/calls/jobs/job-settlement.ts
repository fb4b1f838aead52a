import { setTimeout as pause } from 'node:timers/promises'
import { DatabaseUnavailableError } from '../../databases/unavailable.ts'
import type { Logger } from '../../logging/logger.ts'
import type { Job } from './job.ts'
import type { JobEvents } from './job-events.ts'
import type { JobStore } from './job-store.ts'
import type { Outcome } from './outcome.ts'

export interface SettlementOptions {
  store: JobStore
  /** Names this process. */
  runner: string
  events: JobEvents
  /** Returns the images of a job that was free of charge to the daily quota. Never rejects. */
  refund(job: Job): Promise<void>
  /** Fires when the process shuts down. */
  closing: AbortSignal
  log: Logger
}

/**
 * Stores how a turn has ended, however long the database is away; until then the job stays this runner's.
 * @param job is refunded if its turn was free of charge
 * @returns whether the job was this runner's
 */
export type Settle = (id: string, end: Outcome | 'queued', job?: Job) => Promise<boolean>

/** For the outcome of a paid job, which must not be lost because the database is away for a while. */
const STORE_RETRY_MS = 2_000
/** Milliseconds that a shutdown has for it. */
export const CLOSE_MS = 2_000
const CLOSE_RETRY_MS = 100

export function createSettlement({ store, runner, events, refund, closing, log }: SettlementOptions): Settle {
  return async (id, end, job) => {
    let closesAt = Number.POSITIVE_INFINITY
    for (let isFirst = true; ; isFirst = false) {
      try {
        if (end === 'queued') {
          const isReleased = await store.release(id, runner)
          if (!isReleased) logTaken(log, id)
          return isReleased
        }
        const { state, isFree: isRefunded, ...outcome } = end
        const isOwn = await store.end(id, runner, state, outcome)
        if (isOwn) log.info({ job: id, state }, 'job ended')
        if (isOwn && isRefunded === true && job !== undefined) await refund(job)
        events.report(id)
        return isOwn
      } catch (err) {
        if (!(err instanceof DatabaseUnavailableError) || performance.now() > closesAt) throw err
        if (isFirst) log.warn({ err, job: id }, 'the end of a job cannot be stored; trying again until it can')
        if (closing.aborted) {
          closesAt = Math.min(closesAt, performance.now() + CLOSE_MS)
          await pause(CLOSE_RETRY_MS)
        } else await pause(STORE_RETRY_MS, undefined, { signal: closing }).catch(() => {})
      }
    }
  }
}

export function logTaken(log: Logger, id: string): void {
  log.info({ job: id }, 'another process runs the job; this one sent nothing')
}
