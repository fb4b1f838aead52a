import type { Fence } from '../../azure/types.ts'
import { DatabaseUnavailableError } from '../../databases/unavailable.ts'
import { ServiceError } from '../../errors/errors.ts'
import type { Logger } from '../../logging/logger.ts'
import { deriveContext } from '../derive-context.ts'
import type { CallContext, ToolResult } from '../types.ts'
import type { Job, JobCall } from './job.ts'
import { createJobFence } from './job-fence.ts'
import type { JobStore } from './job-store.ts'
import { cancelled, type Outcome, outcomeOf, outcomeOfFailure } from './outcome.ts'

/** A call that may become a job while it runs. */
export interface DetachableCall {
  /** With which it must run. */
  readonly context: CallContext
  /**
   * Stores the job that the call becomes. From then on its request passes the fence of the job, so that it can be cancelled
   * until then, and its client may disconnect. @throws DatabaseUnavailableError: it stays a call
   */
  becomeJob(id: string, call: JobCall): Promise<Job>
  /** Ends the call unless its request has been sent. */
  stop(): void
  /** How the job ends. Never rejects. */
  outcomeOf(id: string, running: Promise<ToolResult>): Promise<Outcome>
}

export interface DetachableCallOptions {
  store: JobStore
  runner: string
  log: Logger
  /** The error of a request that cannot pass the fence now. */
  unavailable(cause: unknown): Error
}

export function createDetachableCall(context: CallContext, options: DetachableCallOptions): DetachableCall {
  const { store, runner, log, unavailable } = options
  const stopped = new AbortController()
  const { signal } = stopped
  const stop = () => stopped.abort()
  /** Whether a request passed while there was no job. */
  let hasPassed = false
  /** The fence of the job, once that is stored; undefined: there is none. */
  let stored: Promise<Fence | undefined> | undefined

  const attach = () => {
    if (context.isCancelled) stop()
    else context.signal.addEventListener('abort', stop, { once: true })
  }
  attach()

  const own = deriveContext(context, {
    signal,
    isDetached: false,
    isSaving: false,
    get isCancelled() {
      return signal.aborted || (stored === undefined && context.isCancelled)
    },
    fence: {
      async pass() {
        await context.fence?.pass()
        hasPassed = true
        // Decided with `hasPassed`, in one step: a job that is stored from now on is stored as sent.
        if (stored === undefined) return
        await (await stored)?.pass().catch((error: unknown) => {
          throw error instanceof DatabaseUnavailableError ? unavailable(error) : error
        })
      },
      async reopen() {
        hasPassed = false
        await (await stored)?.reopen()
        await context.fence?.reopen()
      },
    },
  })

  return {
    context: own,
    stop,
    async becomeJob(id, call) {
      const isSent = hasPassed
      const storing = store.addRunning(id, call, runner, isSent)
      stored = storing.then(
        () => createJobFence(store, id, runner, log, isSent),
        () => undefined,
      )
      own.isDetached = true
      context.signal.removeEventListener('abort', stop)
      try {
        return await storing
      } catch (error) {
        stored = undefined
        own.isDetached = false
        attach()
        throw error
      }
    },
    outcomeOf: async (id, running) =>
      await running.then(outcomeOf, (error: unknown) =>
        isCancellation(error) ? cancelled : outcomeOfFailure(error, id, own, log),
      ),
  }
}

/** Since the client cannot stop it any more, it was the job that was cancelled. */
function isCancellation(error: unknown): boolean {
  return error instanceof ServiceError && (error.code === 'IMG_ERR_CANCELLED' || error.code === 'IMG_ERR_JOB_TAKEN')
}
