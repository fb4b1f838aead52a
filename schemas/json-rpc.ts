import Type, { type Static } from 'typebox'

/**
 * The JSON-RPC 2.0 envelope as MCP narrows it: an id is a string or an integer, never null.
 * https://www.jsonrpc.org/specification and https://modelcontextprotocol.io/specification/2026-07-28/basic#messages
 */

/** Integers that a JavaScript number cannot represent would be returned changed, so they are rejected. */
export const RequestIdSchema = Type.Union([
  Type.String({ maxLength: 1024 }),
  Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }),
])
export type RequestId = Static<typeof RequestIdSchema>

/** Characters of a method's name. */
export const MAX_METHOD_LENGTH = 128

/** A request, or without `id` a notification. */
const CallSchema = Type.Object({
  jsonrpc: Type.Literal('2.0'),
  id: Type.Optional(RequestIdSchema),
  method: Type.String({ minLength: 1, maxLength: MAX_METHOD_LENGTH }),
  params: Type.Optional(Type.Unknown()),
})
export type Call = Static<typeof CallSchema>

/** A client's response to a request of ours: a question. */
export const ResponseSchema = Type.Union([
  Type.Object({ jsonrpc: Type.Literal('2.0'), id: RequestIdSchema, result: Type.Unknown() }),
  Type.Object({ jsonrpc: Type.Literal('2.0'), id: Type.Optional(RequestIdSchema), error: Type.Object({}) }),
])

/** Most messages in one batch. */
export const MAX_BATCH = 16

/** One message of a client. */
export type Message = Call | Static<typeof ResponseSchema>

/** Members of a batch are checked one by one, because each has its own response. */
export const BodySchema = Type.Union([
  CallSchema,
  ResponseSchema,
  Type.Array(Type.Unknown(), { minItems: 1, maxItems: MAX_BATCH }),
])

export interface JsonRpcNotification {
  jsonrpc: '2.0'
  method: string
  params?: object
}

export interface JsonRpcRequest extends JsonRpcNotification {
  id: RequestId
}

export interface JsonRpcResult {
  jsonrpc: '2.0'
  id: RequestId
  result: object
}

export interface JsonRpcError {
  jsonrpc: '2.0'
  /** Where the id could not be read: null by JSON-RPC, absent by MCP since 2025-11-25. */
  id?: RequestId | null
  error: { code: number; message: string; data?: unknown }
}

export type JsonRpcResponse = JsonRpcResult | JsonRpcError
