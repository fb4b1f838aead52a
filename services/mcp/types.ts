import type { JsonRpcNotification, JsonRpcRequest, JsonRpcResponse, RequestId } from '../../schemas/json-rpc.ts'
import type { Question } from '../calls/input.ts'
import type { CallContext, Icon, RunCall } from '../calls/types.ts'
import type { LibraryAccess } from '../library/access.ts'
import type { CompiledCatalog } from './catalog.ts'
import type { Features } from './features.ts'
import type { HandOverRule } from './hand-over.ts'
import type { Questions } from './questions.ts'
import type { RequestStates } from './request-states.ts'
import type { Subscriptions } from './subscriptions.ts'
import type { ToolChanges } from './tool-changes.ts'

/** The headers that MCP puts beside a message. */
export interface McpHeaders {
  protocolVersion: string | undefined
  method: string | undefined
  name: string | undefined
}

/** What determines a message's revision, besides the message. */
export interface VersionSigns {
  /** Undefined on transports without headers. */
  readonly headers?: McpHeaders | undefined
  /** What a handshake settled, where a transport has one client only; undefined: 2025-03-26. */
  readonly assumedVersion?: string | undefined
}

/** What a client said of itself in an earlier handshake. */
export interface KnownClient {
  readonly name: string
  readonly canBeAsked: readonly Question[]
  /** Unique for the client; absent on transports with one client. */
  readonly session?: string
}

/** What a client says of itself in its handshake, and what that settles. */
export interface HandshakeClient extends KnownClient {
  /** Of the client. */
  readonly version: string
  readonly protocolVersion: string
}

/**
 * A connection with one client, which clients of earlier revisions are notified on without a request. Over HTTP those
 * revisions need a session for that.
 */
export interface Connection {
  /** Fires when nothing more can be sent. */
  readonly closed: AbortSignal
  send(notification: JsonRpcNotification): Promise<unknown>
  /** Since the handshake. */
  notices?: Notices
}

/** What a client of an earlier revision is told. */
export interface Notices extends Disposable {
  /** @throws ProtocolError -32602 beyond the limit */
  subscribe(uri: string): void
  unsubscribe(uri: string): void
}

/** The context of a message that speaks MCP. */
export interface McpContext extends CallContext, VersionSigns {
  /** Absent for clients that had no handshake, or of which nothing is known any more. */
  readonly client?: KnownClient | undefined
  /** Has the transport know the client from now on. */
  introduce?(client: HandshakeClient): void
  /** Sends a request that belongs to this one; absent where `notify` is. */
  readonly ask?: ((request: JsonRpcRequest) => void) | undefined
  /**
   * Sends notifications that belong to this request; absent if nothing can be sent before the response.
   * @returns what resolves when the connection has taken it
   */
  readonly notify?: ((notification: JsonRpcNotification) => Promise<unknown>) | undefined
  /** Absent over HTTP. */
  readonly connection?: Connection | undefined
}

export interface Response {
  /** Undefined: there is nothing to send, as after a notification. */
  body?: JsonRpcResponse | JsonRpcResponse[]
  /** HTTP status that goes with it. */
  status: number
  /** Milliseconds after which another attempt makes sense. */
  retryAfterMs?: number
}

/** Who we are, as `initialize` and `server/discover` report it. */
export interface ServerInfo {
  name: string
  title: string
  version: string
  icons?: readonly Icon[]
}

/** What is the same for all requests. */
export interface Engine {
  catalog: CompiledCatalog
  serverInfo: ServerInfo
  /** A few lines for a model on how to use the server. */
  instructions: (access: LibraryAccess) => string
  runCall: RunCall
  /** By default every client waits for its results. */
  handOverAfterMs?: HandOverRule
  requestStates: RequestStates
  /** Absent: clients of revisions with a handshake are not asked. */
  questions?: Questions
  /** Milliseconds for the response to a question, at most; 5 minutes by default. */
  maxQuestionMs?: number
  /** Milliseconds of silence after which progress is repeated. */
  progressRepeatMs: number
  subscriptions: Subscriptions
  toolChanges: ToolChanges
}

/** What a method may use to process one request. */
export interface McpRequest {
  readonly context: McpContext
  readonly engine: Engine
  readonly revision: Revision
  /** Versions that a client of this era may choose from, newest first. */
  readonly versions: readonly string[]
  /** The JSON-RPC id that the client chose. */
  readonly id: RequestId
  /** Members of a batch share a context: they report no progress and have no idempotency key. */
  readonly isBatched: boolean
  /** `performance.now()` at which it arrived. */
  readonly startedAt: number
  /** Of this request; empty for legacy ones, which declare them only once, in their handshake. */
  readonly clientCapabilities: Readonly<Record<string, unknown>>
}

/** How long a client may cache a result, and whether it may share it between users. */
export interface CachePolicy {
  ttlMs: number
  cacheScope: 'public' | 'private'
}

export interface Method {
  name: string
  /** The member of `params` that a modern request repeats in its `Mcp-Name` header. */
  nameMember?: 'name' | 'uri' | 'taskId'
  cache?: CachePolicy
  /** Whether the result introduces the server, with its icons; other results only name it. */
  introducesServer?: boolean
  /** Whether its result may be questions to the client, and its params responses to them. */
  asks?: true
  /** Whether its response is a stream of its own, without progress. */
  isSubscription?: true
  /** The part of the catalog without which the method does not exist. */
  needs?: 'resources' | 'prompts' | 'complete' | 'tasks'
  /** The extension that a client must declare. */
  extension?: string
  /** @param params without what is null; an empty object if there are none. @throws ProtocolError */
  run(params: unknown, request: McpRequest): object | Promise<object>
}

/** A revision of MCP: its features and its methods. */
export interface Revision extends Features {
  version: string
  /** Modern requests carry their version and capabilities themselves; legacy clients begin with a handshake. */
  era: 'legacy' | 'modern'
  /** Any other method gets -32601. */
  methods: ReadonlyMap<string, Method>
}
