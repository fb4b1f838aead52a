import { setTimeout as pause } from 'node:timers/promises'
import type { StudioJob } from '../../../schemas/studio.ts'
import type { Caller } from '../../auth/authenticator.ts'
import { DatabaseUnavailableError } from '../../databases/unavailable.ts'
import { ServiceError, serviceError } from '../../errors/errors.ts'
import { Rejection } from '../../errors/rejection.ts'
import { inSpan, type TraceCarrier } from '../../telemetry/trace.ts'
import { isFree } from '../admission-control.ts'
import { endsWithin } from '../in-flight.ts'
import { quoteCall } from '../quote-call.ts'
import type { Around, Call, Next, ToolResult } from '../types.ts'
import { createDetachableCall } from './detachable-call.ts'
import { hasEnded, isJobId, type Job, type JobCall, type JobState, newJobId } from './job.ts'
import { createJobEvents } from './job-events.ts'
import { createJobRunner, type JobsOptions, type Turns } from './job-runner.ts'
import type { JobStore } from './job-store.ts'

/** Calls that go on without their clients, and whose results their callers fetch. */
export interface Jobs extends AsyncDisposable {
  /** A call that requests it becomes a job; one whose client only takes a task as well, unless no job can be queued. */
  around: Around
  /** @throws ServiceError `IMG_ERR_JOB_ID`, also for another caller's job */
  get(id: string, caller: Caller): Promise<Job>
  /** The job when it has ended, or after so many milliseconds as it is then. @throws as `get` */
  wait(id: string, caller: Caller, ms: number, signal: AbortSignal): Promise<Job>
  /** Calls back for the state that the job has, and for each later one until it has ended or the signal fires. Never rejects. */
  watch(id: string, caller: Caller, signal: AbortSignal, onChanged: () => void): Promise<void>
  /** Cancels what has not been sent. @throws as `get` */
  cancel(id: string, caller: Caller): Promise<Job>
  /** Responses to what the job has asked; what it has not asked is ignored. @throws as `get` */
  respond(id: string, caller: Caller, responses: Readonly<Record<string, unknown>>): Promise<void>
  /** Estimated milliseconds until the job has its result. */
  waitOf(job: Job): Promise<number>
  /** Milliseconds after its creation for which a job can be read at least. */
  readonly ttlMs: number
  /** What a client gets of a job without a result. */
  report(job: Job): Promise<ToolResult>
  /** Begins to run jobs. */
  start(turns: Turns): void
  /** No turns begin any more; those that have sent nothing are queued again. */
  pause(): Promise<void>
  readonly store: JobStore
}

export function createJobs(options: JobsOptions): Jobs {
  const { store, queue, redis, estimateMs, ttlMs } = options
  const events = createJobEvents(redis)
  const runner = createJobRunner({ ...options, events })

  async function get(id: string, { id: owner }: Caller): Promise<Job> {
    const job = isJobId(id) ? await store.get(id).catch(rejectUnreachable) : undefined
    if (job === undefined || job.owner !== owner) throw serviceError('IMG_ERR_JOB_ID', [])
    return job
  }

  async function submit(call: Call): Promise<Job> {
    if (queue.state === 'unavailable') throw unavailable()
    const { context, tool } = call
    const { job: _, idempotency_key: __, ...args } = call.args
    // What is wrong with the call is reported now, and not at its turn.
    await quoteCall(call)
    const stored = (await tool.tool.withStoredImages?.(args, context)) ?? args
    const { caller } = context
    const id = newJobId()
    const { onJob } = context
    const facts = { 'messaging.destination.name': 'jobs', 'messaging.operation.type': 'send' } as const
    const job = await inSpan(context.trace, 'send jobs', { kind: 'producer', facts }, async ({ trace }) => {
      const jobCall = jobCallOf(call, stored, trace.carrier())
      return await store.add(id, jobCall, onJob && ((run) => onJob(id, run))).catch(async (error: unknown) => {
        if (!(error instanceof DatabaseUnavailableError)) throw error
        // It may have been stored although the database has not said so, and its client is told that it was not.
        await runner.discard(id)
        throw unavailable(error)
      })
    })
    // What it does not take now is added again; the client need not wait for it.
    void queue.add([job])
    context.log.info({ job: job.id, tool: tool.tool.name, caller: caller.id }, 'job queued')
    context.tell?.({ level: 'info', logger: 'calls', message: `The call became the job ${job.id}.` })
    return job
  }

  /** The ticket of a new job. A client that disconnects before it gets one calls again, so nothing is sent for it. */
  async function submitFor(call: Call): Promise<ToolResult> {
    const { context } = call
    if (context.isCancelled) throw serviceError('IMG_ERR_CANCELLED', [])
    const job = await submit(call)
    const result = await ticket(job)
    // During its turn it is cancelled all the same, and its images are counted back there.
    if (context.isCancelled && (await cancel(job.id))?.state === 'cancelled')
      throw serviceError('IMG_ERR_CANCELLED', [])
    return result
  }

  async function cancel(id: string): Promise<Job | undefined> {
    const job = await store.cancel(id).catch(rejectUnreachable)
    if (job?.state === 'cancelled') events.report(id)
    else events.requestCancel(id)
    return job
  }

  async function waitOf(job: Job): Promise<number> {
    // What a client is told of its job does not depend on it.
    const ahead = await store.ahead(job).catch(() => 0)
    return estimateMs(job.call, ahead)
  }

  /** Waits for a call as long as its client does; then the call goes on as a job. */
  async function handOver(call: Call, afterMs: number, next: Next): Promise<ToolResult> {
    const { context } = call
    const detachable = createDetachableCall(context, { store, runner: options.runner, log: options.log, unavailable })
    const own = detachable.context
    const running = next({ ...call, context: own })
    if ((await endsWithin(running, afterMs)) || context.isCancelled || own.isSaving === true) return await running
    // No arguments: it is never run again.
    const job = await detachable.becomeJob(newJobId(), jobCallOf(call, {})).catch((err: unknown) => {
      context.log.warn({ err }, 'a call could not be handed over; its client waits on')
    })
    if (job === undefined) return await running
    const ending = runner.adopt(job.id, detachable.outcomeOf(job.id, running), detachable.stop)
    context.outlive(ending)
    context.log.info({ job: job.id, afterMs }, 'call handed over to a job')
    const message = `The call goes on as the job ${job.id}.`
    context.tell?.({ level: 'notice', logger: 'calls', message })
    const response = await ticket(job)
    // A client that has disconnected gets no id: its next identical call joins this one.
    if (context.isCancelled) return await running
    running.catch(async (error: unknown) => {
      // Who ends a job counts its images back, once.
      if (isFree(error, own) && (await ending)) await runner.refund(job)
    })
    return response
  }

  async function ticket(job: Job): Promise<ToolResult> {
    return { ...(await report(job)), jobId: job.id }
  }

  async function report(job: Job): Promise<ToolResult> {
    const { id, state } = job
    if (state === 'input_required') return textOf(job, `The job waits for your response. Job id: ${id}.`)
    const remainingMs = await waitOf(job)
    const seconds = Math.max(1, Math.ceil(remainingMs / 1000))
    const text = `The image is still being generated (about ${seconds} s). Job id: ${id}; call get_job with it.`
    return textOf(job, text, { remainingMs })
  }

  return {
    store,
    get,
    report,
    waitOf,
    ttlMs,
    async respond(id, caller, responses) {
      await get(id, caller)
      const job = await store.respond(id, responses).catch(rejectUnreachable)
      if (job !== undefined) events.report(id)
      if (job?.state === 'queued') await queue.add([job])
    },
    async around(call, next) {
      if (call.cost === 0) return await next()
      const becomesJob = call.args.job === true || (call.task !== undefined && queue.state !== 'unavailable')
      if (becomesJob) return await submitFor(call)
      return call.handOverAfterMs === undefined ? await next() : await handOver(call, call.handOverAfterMs, next)
    },
    async wait(id, caller, ms, signal) {
      let job = await get(id, caller)
      if (hasEnded(job.state) || ms <= 0) return job
      const look = async () => {
        job = await get(id, caller)
        return hasEnded(job.state)
      }
      await events.changed(id, ms, signal, look)
      if (!hasEnded(job.state)) await look()
      return job
    },
    async watch(id, caller, signal, onChanged) {
      let seen: JobState | undefined
      while (!signal.aborted) {
        try {
          const { state } = await get(id, caller)
          if (state !== seen) onChanged()
          seen = state
          if (hasEnded(state)) return
          await events.changed(
            id,
            Number.POSITIVE_INFINITY,
            signal,
            async () => (await get(id, caller)).state !== state,
          )
        } catch (err) {
          if (!(err instanceof Rejection)) {
            if (!(err instanceof ServiceError)) options.log.error({ err, job: id }, 'a job can no longer be watched')
            return
          }
          // Its database does not respond.
          await pause(RETRY_MS, undefined, { signal, ref: false }).catch(() => {})
        }
      }
    },
    async cancel(id, caller) {
      await get(id, caller)
      const job = await cancel(id)
      // A repeated request has the mark; a job that is cancelled during its turn is counted back there.
      if (job?.state === 'cancelled' && !job.isCancelRequested) await runner.refund(job)
      return job ?? (await get(id, caller))
    },
    start(turns) {
      runner.start(turns)
      queue.start(runner.run)
    },
    async pause() {
      await queue.pause()
      runner.stop()
    },
    async [Symbol.asyncDispose]() {
      events.close()
      await runner.close()
      await queue.close()
    },
  }
}

/** A text about a job, and what the studio reads of it. */
export function textOf({ id, state }: Job, text: string, facts: Pick<StudioJob, 'remainingMs'> = {}): ToolResult {
  return { content: [{ type: 'text', text }], studio: { job: { id, state, ...facts } } }
}

function jobCallOf({ context, tool, cost, task }: Call, args: JobCall['args'], trace?: TraceCarrier): JobCall {
  const { caller, access, door, baseUrl, id: requestId } = context
  return {
    tool: tool.tool.name,
    args,
    cost,
    caller: pick(caller),
    access: { ...access },
    door,
    ...(task === undefined ? {} : { canBeAsked: [...task.canBeAsked] }),
    ...(baseUrl === undefined ? {} : { baseUrl }),
    requestId,
    ...(trace === undefined ? {} : { trace }),
  }
}

const pick = ({ id, rateLimitKey, isAnonymous }: Caller) => ({ id, rateLimitKey, isAnonymous })

const RETRY_MS = 10_000

/** @throws Rejection if the database cannot be reached, else the error */
function rejectUnreachable(error: unknown): never {
  if (!(error instanceof DatabaseUnavailableError)) throw error
  const sentence = `Jobs cannot be looked up at the moment; they go on. Try again in ${RETRY_MS / 1000} s.`
  throw new Rejection(503, sentence, { retryAfterMs: RETRY_MS, cause: error })
}

/** No job may be lost, so that none is accepted which cannot be stored and queued. */
function unavailable(cause?: unknown): Rejection {
  const sentence = `Jobs are not available at the moment; retry in ${RETRY_MS / 1000} s, or call without "job". Nothing was billed.`
  return new Rejection(503, sentence, { retryAfterMs: RETRY_MS, cause })
}
