import Type, { type Static } from 'typebox'
import { type InputRequired, questions } from '../input.ts'

/** What the tool of a job asks its client in the middle of the work, and the responses so far. */
export const JobInputSchema = Type.Object(
  {
    /** Part of every key that the client gets, so that none is used twice in the life of a job. */
    round: Type.Integer({ minimum: 0 }),
    /** Those without a response, by the tool's keys. */
    requests: Type.Record(Type.String(), Type.Unknown()),
    responses: Type.Record(Type.String(), Type.Unknown()),
    state: Type.Optional(Type.Unknown()),
  },
  { additionalProperties: false },
)
export type JobInput = Static<typeof JobInputSchema>

/** What a job's client declared that it can be asked. */
export const CanBeAskedSchema = Type.Array(Type.Enum([...questions], { type: 'string' }), {
  maxItems: questions.length,
})

/** The questions of the next round. */
export function nextRound({ round }: JobInput, { requests, state }: InputRequired): JobInput {
  return { round: round + 1, requests, responses: {}, ...(state === undefined ? {} : { state }) }
}

const keyOf = (key: string, { round }: JobInput): string => `${key}-${round}`

/** The questions without a response, by the keys that the client gets. */
export function openRequests(input: JobInput): Record<string, unknown> {
  return Object.fromEntries(Object.entries(input.requests).map(([key, request]) => [keyOf(key, input), request]))
}

/** With the responses to open questions; others are ignored. */
export function withResponses(input: JobInput, given: Readonly<Record<string, unknown>>): JobInput {
  const open = Object.entries(input.requests)
  const answered = open.filter(([key]) => Object.hasOwn(given, keyOf(key, input)))
  const responses = answered.map(([key]) => [key, given[keyOf(key, input)]])
  return {
    ...input,
    requests: Object.fromEntries(open.filter((entry) => !answered.includes(entry))),
    responses: { ...input.responses, ...Object.fromEntries(responses) },
  }
}
