import { Compile } from 'typebox/compile'
import {
  BodySchema,
  type Call,
  MAX_BATCH,
  MAX_METHOD_LENGTH,
  type Message,
  type RequestId,
  RequestIdSchema,
} from '../../schemas/json-rpc.ts'
import { isRecord } from '../bytes/json/is-record.ts'
import { invalidRequest, type ProtocolError } from './protocol-error.ts'

/** Reads the JSON-RPC envelope of messages, valid or not, so that nothing else needs to look into one. */

const bodies = Compile(BodySchema)
const requestIds = Compile(RequestIdSchema)

const ENVELOPE = 'a message has "jsonrpc": "2.0", a string "method", and an "id" that is a string or an integer'

/** The one check of the envelope, for every transport. The members of a batch are checked one by one later. */
export function isBody(body: unknown): body is Message | unknown[] {
  return bodies.Check(body)
}

/** Why a body is no valid message or batch. */
export function envelopeError(body: unknown): ProtocolError {
  if (!Array.isArray(body)) return invalidRequest(`Invalid request: ${ENVELOPE}.`)
  return body.length === 0
    ? invalidRequest('A batch holds at least one message.')
    : invalidRequest(`A batch holds at most ${MAX_BATCH} messages.`)
}

/** Whether a valid message is a request or notification, and not a response. */
export function isCall(message: Message): message is Call {
  // A response may have an additional member of this name.
  const method = 'method' in message ? message.method : undefined
  return typeof method === 'string' && method !== '' && method.length <= MAX_METHOD_LENGTH
}

/** Whether a message is a valid response, to a request of ours. */
export function isClientResponse(message: unknown): message is Message {
  // Most messages are calls, and need no second look at their envelope.
  return methodOf(message) === undefined && isBody(message) && !Array.isArray(message)
}

/** The method that a message names, whatever else is wrong with it. */
export function methodOf(message: unknown): string | undefined {
  return isRecord(message) && typeof message.method === 'string' ? message.method : undefined
}

/** The id of a message, if it has a valid one. */
export function idOf(message: unknown): RequestId | undefined {
  const id = isRecord(message) ? message.id : undefined
  return requestIds.Check(id) ? id : undefined
}

/** The id of the request that a message cancels. */
export function cancelledId(message: unknown): RequestId | undefined {
  if (methodOf(message) !== 'notifications/cancelled' || !isRecord(message) || !isRecord(message.params))
    return undefined
  return idOf({ id: message.params.requestId })
}

/** Whether a message asks for progress notifications. */
export function hasProgressToken(message: unknown): boolean {
  const token = isRecord(message) ? metaOf(message.params).progressToken : undefined
  return token !== undefined && token !== null
}

/** The name by which a client introduces itself: in each modern request, or in the handshake. */
export function clientNameIn(message: unknown): string | undefined {
  if (!isRecord(message) || !isRecord(message.params)) return undefined
  const info = metaOf(message.params)['io.modelcontextprotocol/clientInfo'] ?? message.params.clientInfo
  return isRecord(info) && typeof info.name === 'string' ? info.name : undefined
}

/** `_meta` of params, empty if there is none. */
export function metaOf(params: unknown): Readonly<Record<string, unknown>> {
  const meta = isRecord(params) ? params._meta : undefined
  return isRecord(meta) ? meta : {}
}
