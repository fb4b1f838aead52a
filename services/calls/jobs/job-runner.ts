import { setTimeout as pause } from 'node:timers/promises'
import type { RedisConnection } from '../../databases/redis.ts'
import { DatabaseUnavailableError } from '../../databases/unavailable.ts'
import { type ErrorCode, ServiceError } from '../../errors/errors.ts'
import type { Logger } from '../../logging/logger.ts'
import type { Trace } from '../../telemetry/trace.ts'
import { endsWithin } from '../in-flight.ts'
import { InputRequired, questionOf } from '../input.ts'
import type { CallContext, CompiledTool, RunCall } from '../types.ts'
import type { Job, JobCall } from './job.ts'
import { createJobContext } from './job-context.ts'
import type { JobEvents } from './job-events.ts'
import { createJobFence } from './job-fence.ts'
import { nextRound } from './job-input.ts'
import type { JobQueue, RunJob } from './job-queue.ts'
import { CLOSE_MS, createSettlement, logTaken } from './job-settlement.ts'
import type { JobStore } from './job-store.ts'
import type { JobTiming } from './job-timing.ts'
import { watchJobs } from './job-watch.ts'
import { cancelled, failed, lost, type Outcome, outcomeOf, outcomeOfFailure } from './outcome.ts'

export interface JobsOptions {
  store: JobStore
  queue: JobQueue
  /** Names this process; another one after every restart. */
  runner: string
  /** Tells other replicas which jobs have ended; undefined: this process runs all. */
  redis: RedisConnection | undefined
  /** Milliseconds that the turn of a job may take. */
  deadlineMs: number
  /** Milliseconds for which a job may wait for its turn, and for which its result can be read. */
  ttlMs: number
  /** Estimated milliseconds until a job has its result, with so many queued before it. */
  estimateMs(call: JobCall, ahead: number): number
  timing: JobTiming
  log: Logger
  /** Where traces begin. */
  trace: Trace
  /** The log of one job. */
  logOf(job: Job): Logger
}

/** What the turn of a job needs, which exists later than the jobs themselves. */
export interface Turns {
  toolOf(name: string): CompiledTool | undefined
  /** The steps around a job's turn. */
  run: RunCall
  /** Returns the images of a job that was free of charge to the daily quota. */
  refund(job: Job): Promise<void>
}

export interface JobRunner {
  start(turns: Turns): void
  run: RunJob
  /** A job of which the client was told that it is none: it is cancelled as soon as the store can be reached. */
  discard(id: string): Promise<void>
  /**
   * Ends a job as a call ends that runs outside a turn; until then it is this runner's. Never rejects.
   * @param stop called when the job is cancelled
   * @returns whether it ended so; false: another process had ended it before
   */
  adopt(id: string, ended: Promise<Outcome>, stop: () => void): Promise<boolean>
  /** The daily quota gets back the images of a job that was free of charge. Never rejects. */
  refund(job: Job): Promise<void>
  /** Ends every turn that has sent nothing; those jobs are queued again. */
  stop(): void
  /** Waits a moment for what has ended to be stored. */
  close(): Promise<void>
}

/** Jobs at the head of the queue that are compared with what the queue has. */
const LOOK_AHEAD = 200
/** Before a job whose request found no turn at Azure is queued again. */
const NO_TURN_PAUSE_MS = 5_000
/** Nothing was sent because others were first: a job has the time to wait on. */
const noTurn: ReadonlySet<ErrorCode> = new Set([
  'IMG_ERR_AZURE_BUSY',
  'IMG_ERR_AZURE_NOT_SENT',
  'IMG_ERR_AZURE_RATE_LIMIT',
])

/** `queued`: nothing was sent, and the job waits for another turn. `taken`: it is not this runner's any more. */
type TurnEnd = Outcome | 'queued' | 'taken'

export function createJobRunner(options: JobsOptions & { events: JobEvents }): JobRunner {
  const { store, queue, runner: me, deadlineMs, events, timing, log } = options
  /** Turns, and calls that go on as a job: those are no turns, and the shutdown waits for them as for all calls. */
  const running = new Map<string, { cancel(): void; isTurn: boolean; ended: Promise<unknown> }>()
  const discarded = new Set<string>()
  const stopping = new AbortController()
  let isClosing = false
  let turns: Turns | undefined
  const settle = createSettlement({ store, runner: me, events, refund, closing: stopping.signal, log })

  async function takeTurn(job: Job, signal: AbortSignal): Promise<TurnEnd> {
    if (job.isCancelRequested) return cancelled
    const tool = turns?.toolOf(job.call.tool)
    if (turns === undefined || tool === undefined)
      return { ...failed('The tool of this job is no longer offered.'), isFree: true }
    const context = createJobContext({
      job,
      deadlineMs,
      signal,
      fence: createJobFence(store, job.id, me, log),
      log: options.logOf(job),
      trace: options.trace,
    })
    try {
      const { args, cost } = job.call
      context.countedAt = job.createdAt
      const result = await turns.run({ context, tool, args, cost, requestId: job.id, isTurn: true })
      return outcomeOf(result)
    } catch (error) {
      if (context.sentRequests > 0) return outcomeOfFailure(error, job.id, context, log)
      if (error instanceof InputRequired && (await ask(job, error, context))) return 'taken'
      return await outcomeOfUnsent(error, job.id, context)
    } finally {
      await context.scope.disposeAsync()
    }
  }

  /** @returns whether the job now waits for its client */
  async function ask(job: Job, asked: InputRequired, { input }: CallContext): Promise<boolean> {
    if (!Object.values(asked.requests).every((request) => input?.canAsk(questionOf(request)))) return false
    const hasAsked = await store.ask(job.id, me, nextRound(job.input, asked))
    if (hasAsked) events.report(job.id)
    return hasAsked
  }

  async function outcomeOfUnsent(error: unknown, id: string, context: CallContext): Promise<TurnEnd> {
    // The fence or the store of images could not reach its database.
    if (error instanceof DatabaseUnavailableError) return 'queued'
    if ((await store.get(id))?.isCancelRequested === true) return cancelled
    if (!(error instanceof ServiceError)) return outcomeOfFailure(error, id, context, log)
    if (error.code === 'IMG_ERR_JOB_TAKEN') {
      logTaken(log, id)
      return 'taken'
    }
    if (error.code === 'IMG_ERR_CANCELLED') return 'queued'
    if (!noTurn.has(error.code)) return outcomeOfFailure(error, id, context, log)
    log.info({ job: id, code: error.code }, 'the job found no turn at Azure, and is queued again')
    await pause(NO_TURN_PAUSE_MS, undefined, { signal: context.signal }).catch(() => {})
    return 'queued'
  }

  async function refund(job: Job): Promise<void> {
    await turns?.refund(job).catch((err: unknown) => {
      log.warn({ err, job: job.id }, 'the daily quota does not get back the images of a job')
    })
  }

  async function work(job: Job, signal: AbortSignal): Promise<'queued' | 'done'> {
    const { id } = job
    try {
      const end = await takeTurn(job, signal)
      if (end !== 'taken') await settle(id, end, job)
      return end === 'queued' ? 'queued' : 'done'
    } catch (err) {
      log.error({ err, job: id }, 'the turn of a job failed')
      return 'done'
    } finally {
      running.delete(id)
    }
  }

  async function run(job: Job): Promise<'queued' | 'done'> {
    // While this process was taken for dead the job was queued again, and has come back: its first turn goes on.
    if (running.has(job.id)) return 'done'
    const stop = new AbortController()
    if (stopping.signal.aborted) stop.abort()
    const ended = work(job, stop.signal)
    running.set(job.id, { cancel: () => stop.abort(), isTurn: true, ended })
    return await ended
  }

  async function finish(id: string, ended: Promise<Outcome>): Promise<boolean> {
    try {
      const end = await ended
      return await settle(id, isClosing && end.state === 'cancelled' ? lost : end)
    } catch (err) {
      log.error({ err, job: id }, 'the end of a job was lost')
      return false
    } finally {
      running.delete(id)
    }
  }

  async function keepOwn(): Promise<void> {
    const ids = [...running.keys()]
    if (ids.length === 0) return
    const own = await store.keep(me, ids)
    // Without effect once its request is sent.
    for (const id of ids) if (!own.has(id)) running.get(id)?.cancel()
  }

  async function cancelDiscarded(): Promise<void> {
    for (const id of discarded) {
      await store.cancel(id)
      discarded.delete(id)
    }
  }

  async function recoverLost(): Promise<void> {
    const { queued, unknown, failed } = await store.recover(timing.silentMs)
    for (const job of queued)
      log.warn({ job }, 'the process that ran a job is lost; nothing was sent, so it runs again')
    for (const job of unknown) {
      log.error(
        { job, outcome: 'unknown' },
        'the process that ran a job is lost: its image may be generated and billed',
      )
      events.report(job)
    }
    for (const job of failed) {
      log.warn({ job: job.id }, 'the process that ran a call as a job is lost; nothing was sent')
      await endFree(job)
    }
  }

  /** What ended in the store without a turn, and cost nothing. */
  async function endFree(job: Job): Promise<void> {
    events.report(job.id)
    await refund(job)
  }

  async function lookAfter(canTrustSilence: boolean): Promise<void> {
    await keepOwn()
    await cancelDiscarded()
    if (canTrustSilence) await recoverLost()
    const next = await store.next(LOOK_AHEAD)
    if (next.length > 0) await queue.add(next)
    for (const job of await store.expire()) await endFree(job)
  }

  const watch = watchJobs({ look: lookAfter, timing, log })
  events.onCancelRequested((id) => running.get(id)?.cancel())

  return {
    start(given) {
      turns = given
      void watch.look()
    },
    run,
    async discard(id) {
      discarded.add(id)
      await cancelDiscarded().catch(() => {})
    },
    refund,
    async adopt(id, outcome, cancel) {
      const ended = finish(id, outcome)
      running.set(id, { cancel, isTurn: false, ended })
      return await ended
    },
    stop() {
      stopping.abort()
      for (const { isTurn, cancel } of running.values()) if (isTurn) cancel()
    },
    async close() {
      watch.close()
      isClosing = true
      for (const { cancel } of running.values()) cancel()
      await endsWithin(Promise.all([...running.values()].map(({ ended }) => ended)), CLOSE_MS)
    },
  }
}
