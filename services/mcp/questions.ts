import { createHmac, randomBytes } from 'node:crypto'
import Type from 'typebox'
import { Value } from 'typebox/value'
import type { JsonRpcRequest, Message, RequestId } from '../../schemas/json-rpc.ts'
import { isSameSecret } from '../auth/api-keys.ts'
import type { Caller } from '../auth/authenticator.ts'
import { isRecord } from '../bytes/json/is-record.ts'
import { serviceError } from '../errors/errors.ts'
import { Rejection } from '../errors/rejection.ts'

/**
 * Requests of this service to clients of revisions with a handshake, and the responses, which are messages of their own.
 * https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation
 */
export interface Questions {
  /** Whether one more can wait for its response. */
  hasRoomFor(caller: Caller): boolean
  /**
   * Asks, and waits for the response; meanwhile no call slot, budget or key is taken.
   * @throws ServiceError `IMG_ERR_CANCELLED` if the client disconnects or cancels its request, Rejection during shutdown
   */
  ask(question: Question, asked: Asked): Promise<QuestionOutcome>
  /** A message of this caller that may respond to a question, here or at another replica; anything else is dropped. */
  accept(message: Message, caller: Caller): void
  /** The client of this session no longer waits for its request: what was asked for it has no purpose any more. */
  withdraw(session: string, requestId: RequestId): void
  /** No response can arrive any more. */
  close(): void
}

export interface Question {
  method: string
  params: object
}

/** The request for which a question is asked. */
export interface Asked {
  caller: Caller
  requestId: RequestId
  /** Unique for the client, where it has one. */
  session: string | undefined
  /** Fires when the client disconnects or cancels. */
  signal: AbortSignal
  /** Milliseconds. */
  waitMs: number
  send(message: JsonRpcRequest): void
  /** Tells the client, if it can be told anything, that a question needs no response any more. */
  retract(id: string, reason: string): void
}

/** `failed`: the client sent an error, or more than a response may have. `silent`: it sent nothing in time. */
export type QuestionOutcome = { state: 'responded'; result: unknown } | { state: 'failed' } | { state: 'silent' }

/** Carries messages to all replicas; they may get lost. */
export interface Relay {
  publish(message: string): Promise<void>
  /** @returns what ends it */
  subscribe(listener: (message: string) => void): () => void
}

export interface QuestionsOptions {
  /** 32 bytes. */
  key: Buffer
  /** Undefined: there are no other replicas, or nothing connects them. */
  relay?: Relay | undefined
}

const MAX_OPEN = 1_000
const MAX_OPEN_OF_CALLER = 250
/** Bytes of a response, about; a form has a few short members. */
const MAX_RESPONSE_BYTES = 65_536
const RETRY_MS = 2_000

/** What one replica tells the others. */
const NewsSchema = Type.Union([
  Type.Object({ id: Type.String(), result: Type.Unknown() }),
  Type.Object({ id: Type.String(), failed: Type.Literal(true) }),
  Type.Object({ session: Type.String(), requestId: Type.Union([Type.String(), Type.Integer()]) }),
])
type News = Type.Static<typeof NewsSchema>

interface Open {
  caller: string
  /** Of session and request. */
  request: string | undefined
  resolve: (outcome: QuestionOutcome) => void
  reject: (error: Error) => void
}

export function createQuestions({ key, relay }: QuestionsOptions): Questions {
  const open = new Map<string, Open>()
  const openOf = new Map<string, number>()
  const unsubscribe = relay?.subscribe(receive)
  let isClosed = false

  /** The half that nobody can guess, and the proof that this service asked this caller, which every replica can check. */
  function newId({ id: caller }: Caller): string {
    const random = randomBytes(18).toString('base64url')
    return random + proofOf(random, caller)
  }
  function proofOf(random: string, caller: string): string {
    return createHmac('sha256', key)
      .update(JSON.stringify([random, caller]))
      .digest('base64url')
      .slice(0, PROOF_LENGTH)
  }
  function isOurs(id: unknown, { id: caller }: Caller): id is string {
    if (typeof id !== 'string' || id.length !== RANDOM_LENGTH + PROOF_LENGTH) return false
    return isSameSecret(proofOf(id.slice(0, RANDOM_LENGTH), caller), id.slice(RANDOM_LENGTH))
  }

  function receive(message: string): void {
    const news = parseNews(message)
    if (news !== undefined) apply(news)
  }

  /** @returns whether this replica has the question */
  function apply(news: News): boolean {
    if (!('id' in news)) return end(news.session, news.requestId)
    const question = open.get(news.id)
    question?.resolve('result' in news ? { state: 'responded', result: news.result } : { state: 'failed' })
    return question !== undefined
  }

  function tell(news: News): void {
    if (!apply(news)) void relay?.publish(JSON.stringify(news))
  }

  function end(session: string, requestId: RequestId): boolean {
    const request = requestOf(session, requestId)
    const ended = [...open.values()].filter((question) => question.request === request)
    for (const { reject } of ended) reject(serviceError('IMG_ERR_CANCELLED', []))
    return ended.length > 0
  }

  function add(id: string, question: Open): void {
    open.set(id, question)
    openOf.set(question.caller, (openOf.get(question.caller) ?? 0) + 1)
  }
  function remove(id: string, caller: string): void {
    open.delete(id)
    const left = (openOf.get(caller) ?? 0) - 1
    if (left > 0) openOf.set(caller, left)
    else openOf.delete(caller)
  }

  return {
    hasRoomFor: ({ id }) => !isClosed && open.size < MAX_OPEN && (openOf.get(id) ?? 0) < MAX_OPEN_OF_CALLER,

    async ask({ method, params }, { caller, session, requestId, signal, waitMs, send, retract }) {
      if (isClosed) throw closing()
      if (signal.aborted) throw serviceError('IMG_ERR_CANCELLED', [])
      const id = newId(caller)
      const { promise, resolve, reject } = Promise.withResolvers<QuestionOutcome>()
      const request = session === undefined ? undefined : requestOf(session, requestId)
      const stop = () => reject(serviceError('IMG_ERR_CANCELLED', []))
      signal.addEventListener('abort', stop, { once: true })
      const timer = setTimeout(resolve, waitMs, { state: 'silent' })
      add(id, { caller: caller.id, request, resolve, reject })
      try {
        send({ jsonrpc: '2.0', id, method, params })
        const outcome = await promise
        if (outcome.state === 'silent') retract(id, 'There was no response in time.')
        return outcome
      } catch (error) {
        retract(id, 'The request that asked has ended.')
        throw error
      } finally {
        clearTimeout(timer)
        signal.removeEventListener('abort', stop)
        remove(id, caller.id)
      }
    },

    accept(message, caller) {
      const { id } = message
      if (!isOurs(id, caller)) return
      const hasResult = 'result' in message && isSmall(message.result)
      tell(hasResult ? { id, result: message.result } : { id, failed: true })
    },

    withdraw: (session, requestId) => tell({ session, requestId }),

    close() {
      isClosed = true
      unsubscribe?.()
      for (const { reject } of open.values()) reject(closing())
    },
  }
}

/** Characters of 18 random bytes, and of the beginning of their HMAC. */
const RANDOM_LENGTH = 24
const PROOF_LENGTH = 22

const requestOf = (session: string, requestId: RequestId) => JSON.stringify([session, requestId])

function closing(): Rejection {
  const sentence =
    'The service is shutting down, and a question to you has no response yet. Nothing was generated or billed.'
  return new Rejection(503, sentence, { retryAfterMs: RETRY_MS })
}

/** Undefined: from another program, or another release. */
function parseNews(message: string): News | undefined {
  try {
    const news: unknown = JSON.parse(message)
    return Value.Check(NewsSchema, news) ? news : undefined
  } catch {
    return undefined
  }
}

/** Looks only as far as it must, because a body may be as long as one with an image. */
function isSmall(value: unknown): boolean {
  const rest: unknown[] = [value]
  let bytes = 0
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    bytes += typeof next === 'string' ? next.length : 8
    if (Array.isArray(next)) rest.push(...next.slice(0, MAX_RESPONSE_BYTES))
    else if (isRecord(next)) {
      for (const [name, member] of Object.entries(next)) {
        bytes += name.length
        rest.push(member)
      }
    }
    if (bytes > MAX_RESPONSE_BYTES) return false
  }
  return true
}
