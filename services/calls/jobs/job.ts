import { randomBytes } from 'node:crypto'
import Type, { type Static } from 'typebox'
import { LibraryResultSchema } from '../../../schemas/library-result.ts'
import { doors } from '../types.ts'
import { CanBeAskedSchema, type JobInput } from './job-input.ts'

/**
 * `input_required`: its tool has asked its client, and nothing is sent before the response. `unknown`: the process that ran it
 * ended after the request went to Azure, so that an image may have been generated and billed; such a job never runs again.
 */
export const jobStates = ['queued', 'running', 'input_required', 'completed', 'failed', 'cancelled', 'unknown'] as const
export type JobState = (typeof jobStates)[number]

/** States in which nothing more happens, except that an `unknown` job may still complete. */
export const hasEnded = (state: JobState): boolean => !unfinishedStates.includes(state)

const unfinishedStates: readonly JobState[] = ['queued', 'running', 'input_required']

/** The call of a job, as it is stored until its turn: no bytes, and no credentials. */
export const JobCallSchema = Type.Object(
  {
    tool: Type.String({ maxLength: 64 }),
    /** As the tool's schema accepted them; images as ids of the library. */
    args: Type.Record(Type.String(), Type.Unknown()),
    /** Images that it pays for. */
    cost: Type.Integer({ minimum: 1 }),
    caller: Type.Object({ id: Type.String(), rateLimitKey: Type.String(), isAnonymous: Type.Boolean() }),
    access: Type.Object({
      owner: Type.String(),
      uses: Type.Enum(['own', 'all'], { type: 'string' }),
      canList: Type.Boolean(),
      changes: Type.Enum(['none', 'own', 'all'], { type: 'string' }),
    }),
    /** How the client that submitted it was connected. */
    door: Type.Optional(Type.Enum([...doors], { type: 'string' })),
    /** Absent: its client cannot be asked. */
    canBeAsked: Type.Optional(CanBeAskedSchema),
    /** Where the client reaches the service, for links. */
    baseUrl: Type.Optional(Type.String()),
    /** Id of the request that submitted it, as in the log. */
    requestId: Type.String(),
    /** Of the call that submitted it. */
    trace: Type.Optional(
      Type.Object(
        { traceparent: Type.String(), tracestate: Type.Optional(Type.String()) },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
)
export type JobCall = Static<typeof JobCallSchema>

/** How a job ended, for its caller. */
export const JobOutcomeSchema = Type.Object(
  {
    /** Of a completed job. */
    result: Type.Optional(LibraryResultSchema),
    /** Why it failed: a sentence for the client. */
    error: Type.Optional(Type.String()),
    /** Where the service and not the tool failed: the code that the error of a synchronous call would have. */
    code: Type.Optional(Type.Integer()),
  },
  { additionalProperties: false },
)
export type JobOutcome = Static<typeof JobOutcomeSchema>

/** Times are milliseconds since 1970. */
export interface Job {
  readonly id: string
  /** Id of the caller that submitted it; to all others the job does not exist. */
  readonly owner: string
  readonly call: JobCall
  readonly state: JobState
  /** Lower ones first: the number of unfinished jobs that its caller had, so that turns go round the callers. */
  readonly priority: number
  readonly createdAt: number
  /** When its turn began, and when it ended. */
  readonly startedAt: number | undefined
  readonly endedAt: number | undefined
  /** When the request went to Azure; undefined: it has not, or Azure rejected it. */
  readonly sentAt: number | undefined
  readonly isCancelRequested: boolean
  readonly input: JobInput
  readonly outcome: JobOutcome
}

/** What a queue needs to know of a job. */
export type QueuedJob = Pick<Job, 'id' | 'priority'>

const ID_BYTES = 16
const JOB_ID = /^job_[0-9a-f]{32}$/

/** Unguessable, because without authentication the id is the only key to a job besides the address. */
export const newJobId = (): string => `job_${randomBytes(ID_BYTES).toString('hex')}`

export const isJobId = (text: string): boolean => JOB_ID.test(text)
