import type { Fence } from '../../azure/types.ts'
import { serviceError } from '../../errors/errors.ts'
import type { Logger } from '../../logging/logger.ts'
import type { JobStore } from './job-store.ts'

/**
 * The fence of one turn: of all runners that ever had the job, one sends its request.
 * @param isSent whether the store has this turn as sent
 */
export function createJobFence(store: JobStore, id: string, runner: string, log: Logger, isSent = false): Fence {
  /** Whether the store has, or may have, this turn as sent. */
  let isMarked = isSent
  return {
    async pass() {
      // The turn sends again only where nothing was generated, so a mark is left from a `reopen` that was not stored.
      if (isMarked) await store.markUnsent(id, runner)
      isMarked = true
      if (await store.markSent(id, runner)) return
      isMarked = false
      throw serviceError('IMG_ERR_JOB_TAKEN', [])
    },
    async reopen() {
      try {
        await store.markUnsent(id, runner)
        isMarked = false
      } catch (err) {
        log.warn({ err, job: id }, 'a job that was not sent cannot be marked as such')
      }
    },
  }
}
