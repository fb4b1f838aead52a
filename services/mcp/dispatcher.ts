import type { Call, JsonRpcError, JsonRpcResponse, Message, RequestId } from '../../schemas/json-rpc.ts'
import type { Caller } from '../auth/authenticator.ts'
import type { CompiledTool } from '../calls/types.ts'
import { ServiceError } from '../errors/errors.ts'
import { hasCapability } from './capabilities.ts'
import { type Catalog, compileCatalog } from './catalog.ts'
import { withoutAbsent } from './drop-nulls.ts'
import { cancelledId, envelopeError, idOf, isBody, isCall } from './envelope.ts'
import { traceMethod } from './method-span.ts'
import { describeServer } from './methods/lifecycle.ts'
import { listen } from './methods/subscriptions.ts'
import { checkModernRequest, guessRevision, negotiate, revisionOf } from './negotiation.ts'
import {
  INTERNAL_ERROR,
  INVALID_PARAMS,
  INVALID_REQUEST,
  invalidRequest,
  METHOD_NOT_FOUND,
  methodNotFound,
  missingCapability,
  PARSE_ERROR,
  type ProtocolError,
  SERVICE_FAILURE,
  toProtocolError,
} from './protocol-error.ts'
import { knownMethods, legacyVersions, modernVersions, revisions } from './revisions.ts'
import { createSubscriptions, type Subscriptions } from './subscriptions.ts'
import { watchTools } from './tool-changes.ts'
import type { Engine, McpContext, Method, Response, Revision } from './types.ts'

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

export interface DispatcherOptions extends Omit<Engine, 'catalog' | 'subscriptions' | 'toolChanges'> {
  subscriptions?: Subscriptions
  /** Its list of tools may be replaced by another one at any time. */
  catalog: Catalog
  /** `method` is from the closed set of known methods, else `other`; `none` if the request could not be read. */
  onFinished: (method: string, outcome: RequestOutcome) => void
  /**
   * A client's notice that it no longer waits for its request of this id. Over HTTP it must stop nothing: without
   * sessions two clients may use one id. What is asked within a session ends by itself.
   */
  onCancelled?: (caller: Caller, id: RequestId) => void
}

export interface Dispatcher {
  /** Processes a message or batch whose envelope `isBody` has accepted. Never throws. */
  handle(body: Message | unknown[], context: McpContext): Promise<Response>
  /** A tool that is offered now. */
  toolOf(name: string): CompiledTool | undefined
  /** No message of a client can arrive any more: what was asked gets no response. */
  endQuestions(): void
  /** The response to a message that was rejected before `handle`; `body` is as much of it as could be read. */
  reject(error: unknown, body: unknown, context: McpContext): Response
  /** The response to a message or batch of which `handle` does not return in time: the error for every request in it. */
  cutOff(error: unknown, body: unknown, context: McpContext): Response
}

/** Builds the engine: JSON-RPC in, JSON-RPC out, without knowing how either travels. */
export function createDispatcher({
  catalog,
  onFinished,
  onCancelled,
  subscriptions = createSubscriptions(),
  ...options
}: DispatcherOptions): Dispatcher {
  let compiled = compileCatalog(catalog)
  const engine: Engine = {
    ...options,
    subscriptions,
    toolChanges: watchTools(subscriptions.collectMs),
    get catalog() {
      if (catalog.tools !== compiled.source) compiled = compileCatalog(catalog)
      return compiled
    },
  }
  const registries = new Map(revisions.map((revision) => [revision.version, availableMethods(revision)]))

  /** A method whose part of the catalog is absent does not exist. */
  function availableMethods(revision: Revision): ReadonlyMap<string, Method> {
    return new Map(revision.methods.entries().filter(([, { needs }]) => !needs || engine.catalog[needs] !== undefined))
  }

  async function handle(body: Message | unknown[], context: McpContext): Promise<Response> {
    if (!Array.isArray(body)) return await handleMessage(body, context, false)
    if (guessRevision(context)?.hasBatches !== true) {
      return reject(invalidRequest('This protocol revision has no batches.'), undefined, context)
    }
    const responses = await Promise.all(body.map((member) => handleMember(member, context)))
    return batchResponse(responses)
  }

  function cutOff(error: unknown, body: unknown, context: McpContext): Response {
    if (!Array.isArray(body)) return reject(error, body, context)
    const requests = body.filter((member: unknown) => {
      return isBody(member) && !Array.isArray(member) && isCall(member) && member.id !== undefined
    })
    return batchResponse(requests.map((request: unknown) => reject(error, request, context)))
  }

  /** https://modelcontextprotocol.io/specification/2025-03-26/basic/transports#sending-messages-to-the-server */
  function handleMember(member: unknown, context: McpContext): Promise<Response> | Response {
    if (!isBody(member) || Array.isArray(member)) return reject(envelopeError(undefined), member, context)
    if (!isCall(member)) return handleMessage(member, context, true)
    if (member.method === 'initialize') {
      return reject(invalidRequest('initialize cannot be part of a batch.'), member, context)
    }
    if (member.id !== undefined) return handleMessage(member, context, true)
    // By JSON-RPC no member without an id gets a response.
    processNotification(member, context)
    return { status: 202 }
  }

  async function handleMessage(message: Message, context: McpContext, isBatched: boolean): Promise<Response> {
    if (!isCall(message)) return acceptResponse(message, context)
    const method = knownMethods.has(message.method) ? message.method : 'other'
    const handleIn = (context: McpContext) => handleCall(message, method, context, isBatched)
    // A subscription lasts as long as its client.
    if (method === listen.name) return await handleIn(context)
    return await traceMethod(message, method, context, (name) => engine.catalog.tools.has(name), handleIn)
  }

  async function handleCall(message: Call, method: string, context: McpContext, isBatched: boolean): Promise<Response> {
    try {
      if (message.id === undefined) processNotification(message, context)
      const revision = negotiate(message, context)
      if (message.id === undefined) return acceptNotification(message)
      return await handleRequest(message, message.id, revision, context, isBatched)
    } catch (error) {
      return reject(error, message, context, method)
    }
  }

  function processNotification(message: Call, { caller, client }: McpContext): void {
    const cancelled = cancelledId(message)
    if (cancelled === undefined) return
    onCancelled?.(caller, cancelled)
    if (client?.session !== undefined) engine.questions?.withdraw(client.session, cancelled)
  }

  async function handleRequest(
    call: Call,
    id: RequestId,
    revision: Revision,
    context: McpContext,
    isBatched: boolean,
  ): Promise<Response> {
    const method = registries.get(revision.version)?.get(call.method)
    const isModern = revision.era === 'modern'
    const clientCapabilities = isModern ? checkModernRequest(call, method, context.headers) : {}
    if (method === undefined) throw methodNotFound(call.method)
    const { extension } = method
    if (extension !== undefined && !hasCapability(clientCapabilities, extension)) throw missingCapability(extension)
    const versions = isModern ? modernVersions : legacyVersions
    const startedAt = performance.now()
    const request = { context, engine, revision, versions, id, isBatched, startedAt, clientCapabilities }
    const result = await method.run(withoutAbsent(call.params ?? {}), request)
    onFinished(call.method, outcomeOf(result, context))
    const { icons: _, ...named } = engine.serverInfo
    const server = method.introducesServer === true ? engine.serverInfo : named
    return {
      status: 200,
      body: {
        jsonrpc: '2.0',
        id,
        result: isModern ? finishModern(result, method, describeServer(server, revision)) : result,
      },
    }
  }

  /** Clients of earlier revisions respond to our questions. */
  function acceptResponse(message: Message, context: McpContext): Response {
    if (guessRevision(context)?.era === 'modern') return reject(envelopeError(undefined), message, context)
    engine.questions?.accept(message, context.caller)
    return { status: 202 }
  }

  function reject(error: unknown, message: unknown, context: McpContext, method = 'none'): Response {
    const failure = toProtocolError(error, context.id)
    if (failure.code === INTERNAL_ERROR) context.log.error({ err: failure.cause, method }, 'request failed')
    else if (failure.code === SERVICE_FAILURE) context.log.warn({ err: failure.cause, method }, 'request failed')
    else context.log.debug({ code: failure.code, method }, 'request rejected')
    onFinished(method, isCancellation(error) ? 'cancelled' : outcomeOfFailure(failure))
    const revision = revisionOf(message, context)
    const isModern = revision?.era === 'modern'
    return {
      status: failure.status === 404 && !isModern ? 200 : failure.status,
      ...(failure.retryAfterMs === undefined ? {} : { retryAfterMs: failure.retryAfterMs }),
      body: toErrorResponse(failure, idOf(message), revision),
    }
  }

  return {
    handle,
    toolOf: (name) => engine.catalog.tools.get(name),
    endQuestions: () => engine.questions?.close(),
    reject: (error, body, context) => reject(error, body, context),
    cutOff,
  }
}

function batchResponse(responses: readonly Response[]): Response {
  const bodies = responses.map((response) => response.body).filter(isSingle)
  return bodies.length === 0 ? { status: 202 } : { status: 200, body: bodies }
}

function acceptNotification({ method }: Call): Response {
  if (method.startsWith('notifications/')) return { status: 202 }
  throw invalidRequest(`A request needs an "id": send the ${method} request with one.`)
}

/** Every modern result names its type, its server, and if it is complete how long it may be cached. */
function finishModern(result: object, { cache }: Method, serverInfo: object): object {
  const isComplete = !('resultType' in result)
  return {
    resultType: 'complete',
    ...result,
    ...(isComplete && cache),
    _meta: { ...('_meta' in result ? Object(result._meta) : {}), 'io.modelcontextprotocol/serverInfo': serverInfo },
  }
}

function toErrorResponse(
  { code, message, data }: ProtocolError,
  id: RequestId | undefined,
  revision: Revision | undefined,
): JsonRpcError {
  const unreadable: { id?: null } = revision?.hasNullId === false ? {} : { id: null }
  return {
    jsonrpc: '2.0',
    ...(id === undefined ? unreadable : { id }),
    error: { code, message, ...(data === undefined ? {} : { data }) },
  }
}

function outcomeOf(result: object, { isCancelled }: McpContext): RequestOutcome {
  if (isCancelled) return 'cancelled'
  return 'isError' in result && result.isError === true ? 'tool_error' : 'ok'
}

/** While its client was asked a call has no result yet that could report it. */
function isCancellation(error: unknown): boolean {
  return error instanceof ServiceError && error.code === 'IMG_ERR_CANCELLED'
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
