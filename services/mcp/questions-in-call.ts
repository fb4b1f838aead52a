import { randomUUID } from 'node:crypto'
import { Value } from 'typebox/value'
import { isRecord } from '../bytes/json/is-record.ts'
import {
  type ClientInput,
  type InputRequest,
  type InputRequests,
  InputRequired,
  isDeclined,
  type Question,
  questionOf,
} from '../calls/input.ts'
import { questionParams } from './question-form.ts'
import type { Questions } from './questions.ts'
import type { McpContext, McpRequest } from './types.ts'

/** Milliseconds that a client has for a response, at most. */
const MAX_QUESTION_MS = 300_000

/** More rounds are a defect of a tool. */
const MAX_ROUNDS = 8

/** The means to ask the client of a request. */
interface Line {
  questions: Questions
  ask: NonNullable<McpContext['ask']>
  notify: NonNullable<McpContext['notify']>
}

/**
 * Runs a request of a revision with a handshake; questions go to the client at once, and with its responses the request runs
 * again from its beginning. So nothing is taken while the client is asked: no slot, budget, quota or idempotency key. A
 * client that cannot respond is from then on one that cannot be asked, and gets what such clients get.
 */
export async function withQuestions(request: McpRequest, run: () => object | Promise<object>): Promise<object> {
  const { context, engine, revision } = request
  const { ask, notify, client } = context
  const { questions } = engine
  if (questions === undefined || ask === undefined || notify === undefined || client === undefined) return await run()

  const isDeclared = (question: Question) =>
    revision.questionsInCall.includes(question) && client.canBeAsked.includes(question)
  // A job has no client that waits.
  const canAsk = (question: Question) =>
    isDeclared(question) && context.isDetached !== true && questions.hasRoomFor(context.caller)
  const asker = createAsker(request, { questions, ask, notify })
  let input: ClientInput = { responses: {}, state: undefined, canAsk }
  for (let round = 1; ; round++) {
    context.input = input
    try {
      return await run()
    } catch (error) {
      if (!(error instanceof InputRequired)) throw error
      const { requests, state } = error
      const isKnown = Object.values(requests).map(questionOf).every(isDeclared)
      const responses = isKnown && round <= MAX_ROUNDS ? await asker.ask(requests) : undefined
      if (responses === undefined) break
      input = { responses, state: asJson(state), canAsk, pageServed: asker.pageServed }
    }
  }
  context.input = undefined
  return await run()
}

/** Asks round by round. */
function createAsker(request: McpRequest, { questions, ask, notify }: Line) {
  const { context, engine } = request
  /** By the address that the user agreed to open: the id of the question. */
  const opened = new Map<string, string>()

  /** Half of what is left of the call, so that the other half is left for its work. */
  const waitMs = () =>
    Math.max(0, Math.min(engine.maxQuestionMs ?? MAX_QUESTION_MS, (context.deadlineAt - performance.now()) / 2))

  function retract(requestId: string, reason: string): void {
    const notice = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId, reason } } as const
    // A pipe is still there when the client has cancelled its request.
    if (context.connection !== undefined) void context.connection.send(notice)
    else if (!context.isCancelled) void notify(notice)
  }

  async function send(method: string, params: object) {
    const { caller, signal, client } = context
    return await questions.ask(
      { method, params },
      {
        caller,
        requestId: request.id,
        session: client?.session,
        signal,
        waitMs: waitMs(),
        send: ask,
        retract,
      },
    )
  }

  /** Undefined: the client cannot respond. */
  async function responseTo(question: InputRequest): Promise<unknown> {
    const elicitationId = randomUUID()
    const params = questionParams(question, request.revision, elicitationId)
    if (params === undefined) return undefined
    // A user may slip once.
    for (let tries = 0; tries < 2; tries++) {
      const outcome = await send(question.method, params)
      context.log.info({ state: outcome.state }, 'a question to the client has ended')
      if (outcome.state === 'failed') return undefined
      if (outcome.state === 'silent') return { action: 'cancel' }
      if (!fits(outcome.result, question)) continue
      const address = addressOf(question)
      if (address !== undefined && !isDeclined(outcome.result)) opened.set(address, elicitationId)
      return outcome.result
    }
    return undefined
  }

  return {
    /** The responses by their keys. Undefined: the client cannot respond. */
    async ask(requests: InputRequests): Promise<Record<string, unknown> | undefined> {
      context.progress('waiting for the response to a question')
      const entries = Object.entries(requests)
      const responses = await Promise.all(entries.map(([, question]) => responseTo(question)))
      if (responses.includes(undefined)) return undefined
      return Object.fromEntries(entries.map(([key], at) => [key, responses[at]]))
    },
    /** https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation#completion-notifications-for-url-mode-elicitation */
    pageServed(address: string): void {
      const elicitationId = opened.get(address)
      if (elicitationId === undefined || !opened.delete(address)) return
      void notify({ jsonrpc: '2.0', method: 'notifications/elicitation/complete', params: { elicitationId } })
    },
  }
}

function addressOf({ method, params }: InputRequest): string | undefined {
  return method === 'elicitation/create' && params.mode === 'url' ? params.url : undefined
}

function fits(result: unknown, { method, params }: InputRequest): boolean {
  if (isDeclined(result)) return true
  if (!isRecord(result) || result.action !== 'accept' || method !== 'elicitation/create') return false
  return params.mode === 'url' || Value.Check(params.requestedSchema, result.content)
}

/** As it comes back from clients that keep it. */
function asJson(state: unknown): unknown {
  return state === undefined ? undefined : JSON.parse(JSON.stringify(state))
}
