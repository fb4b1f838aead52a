import Type, { type Static, type TObject } from 'typebox'
import { Value } from 'typebox/value'
import { isRecord } from '../bytes/json/is-record.ts'
import { AppError } from '../errors/app-error.ts'

/**
 * Questions to the client of a call, the same for all revisions. A call ends with its questions and is made again with the
 * responses: modern clients send it again, for those of earlier revisions this service asks and runs it again itself. So
 * nothing is taken while a user thinks.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr
 */

/** What clients declare that they can be asked: a form or an address for the user, a model's text, folders. */
export const questions = ['form', 'url', 'sampling', 'roots'] as const
export type Question = (typeof questions)[number]

/** One question. This service asks users only; the suite of the specification has tools that ask for the rest. */
export type InputRequest =
  | { method: 'elicitation/create'; params: { mode: 'form'; message: string; requestedSchema: TObject } }
  | { method: 'elicitation/create'; params: { mode: 'url'; message: string; url: string } }
  | { method: 'sampling/createMessage'; params: object }
  | { method: 'roots/list'; params?: object }

export type InputRequests = Readonly<Record<string, InputRequest>>

export function questionOf(request: InputRequest): Question {
  if (request.method === 'elicitation/create') return request.params.mode
  return request.method === 'roots/list' ? 'roots' : 'sampling'
}

/** What a client can be asked, and its responses so far. */
export interface ClientInput {
  canAsk(question: Question): boolean
  /** By the key of the request. From the client, so anything may stand here, and keys that were never asked. */
  readonly responses: Readonly<Record<string, unknown>>
  /**
   * What the questions were asked with: written by this service for this caller and this very request, at most ten minutes
   * ago. The client may send it more than once. Undefined: there was none.
   */
  readonly state: unknown
  /** The client keeps the state itself, and may send it again with the same responses. */
  readonly mayComeAgain?: boolean
  /**
   * What the user was to do at an address has been done: clients of 2025-11-25 are notified. Absent: there is no one to
   * notify.
   */
  pageServed?(address: string): void
}

/**
 * Ends a call with questions to its client. Nothing may have been paid for. Only where `context.input` says that the client
 * can be asked; for other clients a tool has an argument.
 */
export class InputRequired extends AppError {
  override name = 'InputRequired'
  readonly requests: InputRequests
  /** JSON that comes back with the responses. */
  readonly state: unknown

  constructor(requests: InputRequests, state?: unknown) {
    super('the client is asked for input')
    this.requests = requests
    this.state = state
  }
}

/** @param schema flat: strings, numbers, booleans and enums only */
export function askForm(message: string, schema: TObject): InputRequest {
  return { method: 'elicitation/create', params: { mode: 'form', message, requestedSchema: schema } }
}

/** @param url of a page that finds out itself who opens it: whoever has the address must not be let in by it alone */
export function askPage(message: string, url: string): InputRequest {
  return { method: 'elicitation/create', params: { mode: 'url', message, url } }
}

/** What a tool makes of the arguments of a call by asking its client's user. */
export interface Completion {
  /** Values of arguments that were answered; null: the argument is left out. */
  readonly answers: Readonly<Record<string, unknown>>
  /** What is to be asked; empty: nothing is missing. */
  readonly requests: InputRequests
  /** JSON that comes back with the responses. */
  readonly state?: unknown
}

export type FormResponse<S extends TObject> =
  | { action: 'accept'; content: Static<S> }
  | { action: 'decline' | 'cancel'; content?: undefined }

const DeclinedSchema = Type.Object({ action: Type.Enum(['decline', 'cancel'], { type: 'string' }) })

/** Whether the user does not answer: the same for forms and addresses. */
export const isDeclined = (response: unknown): response is Static<typeof DeclinedSchema> =>
  Value.Check(DeclinedSchema, response)

const OpenedSchema = Type.Object({ action: Type.Literal('accept') })

/** What became of an address: accepted says that it was opened, not what happened there. Undefined: ask again. */
export function pageResponse({ responses }: ClientInput, key: string): 'accept' | 'decline' | 'cancel' | undefined {
  const response = Object.hasOwn(responses, key) ? responses[key] : undefined
  if (isDeclined(response)) return response.action
  return Value.Check(OpenedSchema, response) ? 'accept' : undefined
}

/** The response to a form. Undefined: there is none, or it does not fit the form, so that the question is asked again. */
export function formResponse<S extends TObject>(
  { responses }: ClientInput,
  key: string,
  schema: S,
): FormResponse<S> | undefined {
  const response = Object.hasOwn(responses, key) ? responses[key] : undefined
  if (isDeclined(response)) return { action: response.action }
  if (!isRecord(response) || response.action !== 'accept') return undefined
  const { content } = response
  return Value.Check(schema, content) ? { action: 'accept', content } : undefined
}
