import { randomUUID } from 'node:crypto'
import Type, { type Static } from 'typebox'
import { Value } from 'typebox/value'
import { digestOf } from './call-digest.ts'
import { type ClientInput, InputRequired } from './input.ts'
import type { Around, Call } from './types.ts'

/** What the client keeps while its user is asked. */
const RoundSchema = Type.Object(
  {
    /** New in each round. */
    round: Type.String(),
    /** Of earlier rounds; see `Completion`. */
    answers: Type.Record(Type.String(), Type.Unknown()),
    /** The tool's. */
    own: Type.Optional(Type.Unknown()),
    /** Of a step after this one, which asks when nothing is missing any more. */
    later: Type.Optional(Type.Unknown()),
  },
  { additionalProperties: false },
)
type Round = Static<typeof RoundSchema>

/**
 * Asks for arguments that are missing, so that everything after it sees the call as if its client had sent them. It comes
 * after the steps that repeat a result: a client that fetches what was paid for is not asked again.
 * @throws InputRequired, and what the tool throws for what was declined
 */
export const completeArguments: Around = async (call, next) => {
  const { context, args: sent } = call
  const { tool } = call.tool
  const { input } = context
  if (tool.complete === undefined || input === undefined) return await next()
  const round = roundOf(input)
  const { answers: earlier = {}, own, later }: Partial<Round> = round ?? {}
  try {
    context.input = withState(input, own)
    const { answers, requests, state } = await tool.complete(withAnswers(sent, earlier), context)
    const all = { ...earlier, ...answers }
    if (Object.keys(requests).length > 0) throw new InputRequired(requests, newRound({ answers: all, own: state }))
    const isAnswered = Object.keys(all).length > 0
    call.args = withAnswers(sent, all)
    context.input = round === undefined ? input : withState(input, later)
    return await next().catch((error: unknown) => {
      if (!isAnswered || !(error instanceof InputRequired)) throw error
      throw new InputRequired(error.requests, newRound({ answers: all, later: error.state }))
    })
  } finally {
    call.args = sent
    context.input = input
  }
}

/**
 * Stands for the idempotency key of a call that was asked: sent again with the same responses, it is the same call, for
 * which is paid once. Undefined: it was not asked, or what it answered cannot come again.
 */
export function answeredKeyOf({ context: { input } }: Call): string | undefined {
  if (input?.mayComeAgain !== true) return undefined
  const round = roundOf(input)
  return round && `answered:${round.round}:${digestOf(input.responses)}`
}

const newRound = (members: Omit<Round, 'round'>): Round => ({ round: randomUUID(), ...members })

const roundOf = ({ state }: ClientInput): Round | undefined => (Value.Check(RoundSchema, state) ? state : undefined)

function withState(input: ClientInput, state: unknown): ClientInput {
  return { ...input, state }
}

function withAnswers(args: Call['args'], answers: Round['answers']): Call['args'] {
  const all = Object.entries({ ...args, ...answers })
  return Object.fromEntries(all.filter(([, value]) => value !== null))
}
