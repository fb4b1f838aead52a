import { Compile } from 'typebox/compile'
import {
  BodySchema,
  type Call,
  CallSchema,
  type JsonRpcError,
  type JsonRpcNotification,
  type JsonRpcResponse,
  MAX_BATCH,
  type RequestId,
  RequestIdSchema,
  ResponseSchema,
} from '../../schemas/json-rpc.ts'
import { BaseParamsSchema, CancelledParamsSchema } from '../../schemas/mcp.ts'
import type { ResponsePath } from '../calls/delivery.ts'
import type { Logger } from '../logging/logger.ts'
import { type Catalog, compileCatalog } from './catalog.ts'
import { withoutAbsent } from './drop-nulls.ts'
import type { CallGuard, Method, ServerInfo, ToolObserver } from './method.ts'
import { describeServer } from './methods/lifecycle.ts'
import {
  checkModernRequest,
  claimedRevision,
  guessRevision,
  type McpHeaders,
  negotiate,
  type VersionSigns,
} from './negotiation.ts'
import { createProgress } from './progress.ts'
import {
  INTERNAL_ERROR,
  INVALID_PARAMS,
  INVALID_REQUEST,
  internalError,
  invalidRequest,
  METHOD_NOT_FOUND,
  methodNotFound,
  PARSE_ERROR,
  ProtocolError,
} from './protocol-error.ts'
import { knownMethods, legacyVersions, modernVersions, type Revision, revisions } from './revisions.ts'

/** How a request ended, for metrics: a closed set. */
export type RequestOutcome =
  | 'ok'
  | 'tool_error'
  | 'cancelled'
  | 'parse_error'
  | 'invalid_request'
  | 'method_not_found'
  | 'invalid_params'
  | 'internal_error'
  | 'protocol_error'
  | 'rejected'

export interface DispatchObserver extends ToolObserver {
  /** `method` is from the closed set of known methods, else `other`; `none` if the request could not be read. */
  requestFinished(method: string, outcome: RequestOutcome): void
}

export interface DispatcherOptions {
  catalog: Catalog
  serverInfo: ServerInfo
  /** A few lines that tell a model how to use the server. */
  instructions: string
  observer: DispatchObserver
  /** Milliseconds that a call may take, everything included. */
  callDeadlineMs: number
  /** Milliseconds of silence after which progress is repeated. */
  progressRepeatMs: number
  /** Stands between calls and their tools; absent: every call is made. */
  guardCall?: CallGuard
  /**
   * A caller's notice that it no longer waits for its request of this id. Over HTTP it must stop nothing: without
   * sessions two clients may use one id.
   */
  onCancelled?: (caller: string, id: RequestId) => void
}

/** One message or batch, and the way it came. */
export interface RequestContext {
  transport: 'http' | 'stdio'
  /** Undefined on transports without headers. */
  headers?: McpHeaders
  /** What a handshake settled, where a transport has one client only; undefined: 2025-03-26. */
  assumedVersion?: string | undefined
  caller: string
  requestId: string
  /** Fires when the caller is gone. */
  signal: AbortSignal
  /** The header of that name, 1 to 128 visible ASCII characters. */
  idempotencyKey?: string | undefined
  /** The way back to the client; absent: a response counts as delivered once it was returned. */
  response?: ResponsePath
  log: Logger
  /** Takes notifications that belong to this request; absent if the caller cannot be reached before the response. */
  notify?: (notification: JsonRpcNotification) => void
}

export interface Response {
  /** Undefined: there is nothing to say, as after a notification. */
  body?: JsonRpcResponse | JsonRpcResponse[]
  /** HTTP status that goes with it. */
  status: number
  /** Milliseconds after which another try makes sense. */
  retryAfterMs?: number
}

export interface Dispatcher {
  /** Answers whatever came in, already parsed from JSON. Never throws. */
  handle(body: unknown, context: RequestContext): Promise<Response>
  /** The answer to a message that was turned away before `handle`; `body` is what could be read of it. */
  reject(error: unknown, body: unknown, context: RejectionContext): Response
}

/** What is told of a message that was turned away. */
export type RejectionContext = Omit<RequestContext, 'notify' | 'signal' | 'response' | 'idempotencyKey'>

const calls = Compile(CallSchema)
const responses = Compile(ResponseSchema)
const requestIds = Compile(RequestIdSchema)
const baseParams = Compile(BaseParamsSchema)
const cancelledParams = Compile(CancelledParamsSchema)

/** A response that is handed over within the process is delivered at once. */
const withinProcess: ResponsePath = {
  openedAt: 0,
  track: () => ({ watch: (listener) => listener({ state: 'delivered', proof: 'flushed' }) }),
}

/** Shape of a message, in words for whoever got it wrong. */
const ENVELOPE = 'a message has "jsonrpc": "2.0", a string "method", and an "id" that is a string or an integer'

/** Schema of what `handle` expects, for routes that validate before they call it. */
export const messageSchema = BodySchema

/** Builds the engine: JSON-RPC in, JSON-RPC out, without knowing how either travels. */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { observer } = options
  const catalog = compileCatalog(options.catalog)
  const registries = new Map(revisions.map((revision) => [revision.version, availableMethods(revision)]))

  /** A method whose part of the catalog is absent does not exist. */
  function availableMethods(revision: Revision): ReadonlyMap<string, Method> {
    const available = revision.methods.entries().filter(([, { needs }]) => !needs || catalog[needs] !== undefined)
    return new Map(available)
  }

  async function handle(body: unknown, context: RequestContext): Promise<Response> {
    if (!Array.isArray(body)) return await handleMessage(body, context)
    const rejected = rejectBatch(body, context)
    if (rejected !== undefined) return reject(rejected, undefined, context)
    const { notify: _, idempotencyKey: __, ...quiet } = context
    const responses = await Promise.all(body.map((member) => handleMember(member, quiet)))
    const said = responses.map((response) => response.body).filter(isSingle)
    return said.length === 0 ? { status: 202 } : { status: 200, body: said }
  }

  function handleMember(member: unknown, context: RequestContext): Promise<Response> | Response {
    if (calls.Check(member) && member.method === 'initialize') {
      return reject(invalidRequest('initialize cannot be part of a batch.'), member, context)
    }
    // By JSON-RPC nothing in a batch that lacks an id is answered.
    if (calls.Check(member) && member.id === undefined) {
      heedNotification(member, context)
      return { status: 202 }
    }
    return handleMessage(member, context)
  }

  async function handleMessage(message: unknown, context: RequestContext): Promise<Response> {
    let method = 'none'
    try {
      if (!calls.Check(message)) return acceptResponse(message, context)
      method = knownMethods.has(message.method) ? message.method : 'other'
      if (message.id === undefined) heedNotification(message, context)
      const revision = negotiate(message, context)
      if (message.id === undefined) return acceptNotification(message)
      return await handleRequest(message, message.id, revision, context)
    } catch (error) {
      return reject(error, message, context, method)
    }
  }

  function heedNotification({ method, params }: Call, { caller }: RequestContext): void {
    if (method === 'notifications/cancelled' && cancelledParams.Check(params)) {
      options.onCancelled?.(caller, params.requestId)
    }
  }

  async function handleRequest(call: Call, id: RequestId, revision: Revision, context: RequestContext) {
    const method = registries.get(revision.version)?.get(call.method)
    const isModern = revision.era === 'modern'
    const clientCapabilities = isModern ? checkModernRequest(call, method, context.headers) : {}
    if (method === undefined) throw methodNotFound(call.method)

    const params = withoutAbsent(call.params ?? {})
    const progress = createProgress({
      token: baseParams.Check(params) ? params._meta?.progressToken : undefined,
      notify: context.notify,
      repeatMs: options.progressRepeatMs,
      withMessage: revision.hasProgressMessages,
    })
    try {
      const result = await method.run(params, {
        revision,
        versions: isModern ? modernVersions : legacyVersions,
        catalog,
        serverInfo: options.serverInfo,
        instructions: options.instructions,
        clientCapabilities,
        transport: context.transport,
        caller: context.caller,
        requestId: context.requestId,
        id,
        idempotencyKey: context.idempotencyKey,
        signal: context.signal,
        response: context.response ?? withinProcess,
        deadlineAt: performance.now() + options.callDeadlineMs,
        log: context.log,
        progress: progress.report,
        observer,
        guardCall: options.guardCall ?? ((_call, run) => run()),
      })
      observer.requestFinished(call.method, outcomeOf(result, context.signal))
      const complete = isModern ? finishModern(result, method, describeServer(options.serverInfo, revision)) : result
      return { status: 200, body: { jsonrpc: '2.0', id, result: complete } } satisfies Response
    } finally {
      progress.stop()
    }
  }

  function reject(error: unknown, message: unknown, context: RejectionContext, method = 'none'): Response {
    const failure = error instanceof ProtocolError ? error : internalError(context.requestId, error)
    if (failure.code === INTERNAL_ERROR) context.log.error({ err: failure.cause, method }, 'request failed')
    else context.log.debug({ code: failure.code, method }, 'request rejected')
    observer.requestFinished(method, outcomeOfFailure(failure))
    const revision = revisionOf(message, context)
    const isModern = revision?.era === 'modern'
    return {
      status: failure.status === 404 && !isModern ? 200 : failure.status,
      ...(failure.retryAfterMs === undefined ? {} : { retryAfterMs: failure.retryAfterMs }),
      body: toErrorResponse(failure, readId(message), revision),
    }
  }

  return { handle, reject: (error, body, context) => reject(error, body, context) }
}

/** https://modelcontextprotocol.io/specification/2025-03-26/basic/transports#sending-messages-to-the-server */
function rejectBatch(batch: readonly unknown[], context: VersionSigns): ProtocolError | undefined {
  if (guessRevision(context)?.hasBatches !== true) return invalidRequest('This protocol revision has no batches.')
  if (batch.length === 0) return invalidRequest('A batch holds at least one message.')
  if (batch.length > MAX_BATCH) return invalidRequest(`A batch holds at most ${MAX_BATCH} messages.`)
  return undefined
}

/** Earlier revisions let clients post responses; we ask nothing, so there is nobody to give one to. */
function acceptResponse(message: unknown, context: VersionSigns): Response {
  if (responses.Check(message) && guessRevision(context)?.era !== 'modern') return { status: 202 }
  throw invalidRequest(`Invalid request: ${ENVELOPE}.`)
}

function acceptNotification({ method }: Call): Response {
  if (method.startsWith('notifications/')) return { status: 202 }
  throw invalidRequest(`Without an "id" nothing can be answered: give the ${method} request one.`)
}

/** Every modern result says its kind, who made it, and how long it may be kept. */
function finishModern(result: object, { cache }: Method, serverInfo: object): object {
  return { resultType: 'complete', ...result, ...cache, _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo } }
}

function toErrorResponse(
  error: ProtocolError,
  id: RequestId | undefined,
  revision: Revision | undefined,
): JsonRpcError {
  const { code, message, data } = error
  const unreadable: { id?: null } = revision?.hasNullId === false ? {} : { id: null }
  return {
    jsonrpc: '2.0',
    ...(id === undefined ? unreadable : { id }),
    error: { code, message, ...(data === undefined ? {} : { data }) },
  }
}

function readId(message: unknown): RequestId | undefined {
  const id = typeof message === 'object' && message !== null && 'id' in message ? message.id : undefined
  return requestIds.Check(id) ? id : undefined
}

/** The revision by whose rules an error is told, even where it is the revision that is in doubt. */
function revisionOf(message: unknown, context: VersionSigns): Revision | undefined {
  try {
    return calls.Check(message) ? negotiate(message, context) : claimedRevision(message, context)
  } catch {
    return claimedRevision(message, context)
  }
}

function outcomeOf(result: object, signal: AbortSignal): RequestOutcome {
  if (signal.aborted) return 'cancelled'
  return 'isError' in result && result.isError === true ? 'tool_error' : 'ok'
}

function outcomeOfFailure({ code }: ProtocolError): RequestOutcome {
  switch (code) {
    case PARSE_ERROR:
      return 'parse_error'
    case INVALID_REQUEST:
      return 'invalid_request'
    case METHOD_NOT_FOUND:
      return 'method_not_found'
    case INVALID_PARAMS:
      return 'invalid_params'
    case INTERNAL_ERROR:
      return 'internal_error'
    default:
      return code > 0 ? 'rejected' : 'protocol_error'
  }
}

function isSingle(body: Response['body']): body is JsonRpcResponse {
  return body !== undefined && !Array.isArray(body)
}
