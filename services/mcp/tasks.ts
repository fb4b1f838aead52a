import type { Caller } from '../auth/authenticator.ts'
import { hasEnded, type Job } from '../calls/jobs/job.ts'
import { openRequests } from '../calls/jobs/job-input.ts'
import type { Jobs } from '../calls/jobs/jobs.ts'
import type { LibraryResults } from '../calls/library-result.ts'
import type { CallContext } from '../calls/types.ts'
import { ignoreInputError } from '../errors/errors.ts'
import { Rejection } from '../errors/rejection.ts'
import type { App } from '../resources/types.ts'
import { resultOfJob } from '../tools/get-job.ts'
import { toolResultOf } from './tool-result.ts'

/** The extension, as clients and this server declare it. */
export const TASKS = 'io.modelcontextprotocol/tasks'

/**
 * Jobs as the Tasks extension names them; the id of a task is that of its job.
 * https://modelcontextprotocol.github.io/ext-tasks/specification/2026-07-28/tasks.html
 */
export interface Tasks {
  /** The response to a call that became a job. @throws ServiceError `IMG_ERR_JOB_ID` */
  created(id: string, context: CallContext): Promise<object>
  /** With result, error or questions. @throws ServiceError `IMG_ERR_JOB_ID`, also for another caller's task */
  get(id: string, context: CallContext): Promise<object>
  /** Those of the ids that are tasks of the caller. @throws Rejection if they cannot be looked up */
  known(ids: readonly string[], caller: Caller): Promise<readonly string[]>
  /** Calls back for the state of a known task, and for each later one until it has ended or the signal fires. Never rejects. */
  watch(id: string, caller: Caller, signal: AbortSignal, onChanged: () => void): Promise<void>
  /** @throws as `get` */
  update(id: string, responses: Readonly<Record<string, unknown>>, context: CallContext): Promise<void>
  /** Stops only what has not been sent to Azure. @throws as `get` */
  cancel(id: string, context: CallContext): Promise<void>
}

export interface TasksOptions {
  jobs: Jobs
  libraryResults: LibraryResults
  /** Of the catalog. */
  apps?: readonly App[]
}

type Status = 'working' | 'input_required' | 'completed' | 'failed' | 'cancelled'

const MIN_POLL_MS = 1_000
const MAX_POLL_MS = 10_000
/** Polls that a client makes until the result is there. */
const POLLS = 8

export function createTasks(options: TasksOptions): Tasks {
  const { jobs } = options

  async function describe(job: Job) {
    const status = statusOf(job)
    const waitMs = hasEnded(job.state) ? 0 : await jobs.waitOf(job)
    const statusMessage = describeStatus(job, Math.max(1, Math.ceil(waitMs / 1000)))
    return {
      taskId: job.id,
      status,
      ...(statusMessage === undefined ? {} : { statusMessage }),
      createdAt: timeOf(job.createdAt),
      lastUpdatedAt: timeOf(job.endedAt ?? job.sentAt ?? job.startedAt ?? job.createdAt),
      ttlMs: jobs.ttlMs,
      pollIntervalMs: Math.min(MAX_POLL_MS, Math.max(MIN_POLL_MS, Math.round(waitMs / POLLS))),
    }
  }

  /** A task that exists, but cannot be looked up at the moment. */
  function describeUnseen(taskId: string) {
    const now = timeOf(Date.now())
    const times = { createdAt: now, lastUpdatedAt: now, ttlMs: jobs.ttlMs, pollIntervalMs: MAX_POLL_MS }
    return { taskId, status: 'working', ...times }
  }

  async function outcomeOf(job: Job, context: CallContext): Promise<object> {
    switch (statusOf(job)) {
      case 'completed':
        // Complete in itself, as the call would have returned it.
        return {
          result: { resultType: 'complete', ...toolResultOf(await resultOfJob(job, options, context), options) },
        }
      case 'failed':
        return { error: { code: job.outcome.code, message: job.outcome.error } }
      case 'input_required':
        return { inputRequests: openRequests(job.input) }
      default:
        return {}
    }
  }

  return {
    async created(id, { caller }) {
      // Without the id the client would call again.
      const task = await jobs
        .get(id, caller)
        .then(describe)
        .catch((error: unknown) => {
          if (!(error instanceof Rejection)) throw error
          return describeUnseen(id)
        })
      return { resultType: 'task', ...task }
    },
    async get(id, context) {
      const job = await jobs.get(id, context.caller)
      return { ...(await describe(job)), ...(await outcomeOf(job, context)) }
    },
    async known(ids, caller) {
      const found: string[] = []
      // One after another: a client may name many.
      for (const id of new Set(ids))
        if ((await jobs.get(id, caller).catch(ignoreInputError)) !== undefined) found.push(id)
      return found
    },
    watch: jobs.watch,
    update: (id, responses, { caller }) => jobs.respond(id, caller, responses),
    async cancel(id, { caller }) {
      await jobs.cancel(id, caller)
    },
  }
}

/** A task fails only where the protocol does; what a tool reports is the result of a completed one. */
function statusOf({ state, outcome }: Job): Status {
  switch (state) {
    case 'queued':
    case 'running':
      return 'working'
    case 'failed':
      return outcome.code === undefined ? 'completed' : 'failed'
    case 'unknown':
      return 'completed'
    default:
      return state
  }
}

function describeStatus({ state, sentAt, isCancelRequested, outcome }: Job, seconds: number): string | undefined {
  switch (state) {
    case 'queued':
      return `Waiting for its turn; the image is expected in about ${seconds} s.`
    case 'running':
      if (sentAt === undefined) return `Waiting for Azure; the image is expected in about ${seconds} s.`
      return isCancelRequested
        ? 'Too late to cancel: the request has gone to Azure, so the image is generated, billed and stored.'
        : `Azure is generating the image; it is expected in about ${seconds} s.`
    case 'input_required':
      return 'Waiting for your response.'
    case 'cancelled':
      return 'Cancelled; nothing was generated or billed.'
    case 'completed':
      return undefined
    default:
      return outcome.error
  }
}

const timeOf = (ms: number): string => new Date(ms).toISOString()
