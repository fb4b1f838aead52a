import type { Static, TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import type { Row } from '../../databases/state-database.ts'
import { type Job, JobCallSchema, JobOutcomeSchema, jobStates } from './job.ts'
import { type JobInput, JobInputSchema } from './job-input.ts'

const calls = Compile(JobCallSchema)
const outcomes = Compile(JobOutcomeSchema)
const inputs = Compile(JobInputSchema)

/** The job that a row of `state.jobs` stores. @throws Error if it stores none */
export function toJob(row: Row | undefined): Job | undefined {
  if (row === undefined) return undefined
  const time = (value: unknown) => (value === null ? undefined : Number(value))
  const state = jobStates.find((each) => each === row.state)
  if (state === undefined) throw new Error('a job has an unknown state')
  return {
    id: String(row.id),
    owner: String(row.owner),
    call: parse(row.call, calls),
    state,
    priority: Number(row.priority),
    createdAt: Number(row.created_at),
    startedAt: time(row.started_at),
    endedAt: time(row.ended_at),
    sentAt: time(row.sent_at),
    isCancelRequested: Number(row.is_cancel_requested) === 1,
    input: inputOf(row),
    outcome: parse(row.outcome, outcomes),
  }
}

/** What a job has asked its client. */
export const inputOf = ({ input }: Row): JobInput => parse(input, inputs)

function parse<S extends TSchema>(text: unknown, validator: Validator<Record<never, never>, S>): Static<S> {
  return validator.Parse(JSON.parse(String(text)))
}

/** @throws Error without a row, which `RETURNING` promises */
export function known<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('an inserted row was not returned')
  return value
}
