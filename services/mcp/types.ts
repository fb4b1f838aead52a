import type { JsonRpcNotification, JsonRpcResponse, RequestId } from '../../schemas/json-rpc.ts'
import type { RunCall } from '../calls/chain.ts'
import type { CallContext, Icon } from '../calls/types.ts'
import type { LibraryAccess } from '../library/access.ts'
import type { CompiledCatalog } from './catalog.ts'
import type { Features } from './features.ts'

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

/** The context of a message that speaks MCP. */
export interface McpContext extends CallContext, VersionSigns {
  /** Sends notifications that belong to this request; absent if nothing can be sent before the response. */
  readonly notify?: ((notification: JsonRpcNotification) => void) | undefined
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
  /** Milliseconds of silence after which progress is repeated. */
  progressRepeatMs: number
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
  nameMember?: 'name' | 'uri'
  cache?: CachePolicy
  /** Whether the result introduces the server, with its icons; other results only name it. */
  introducesServer?: boolean
  /** The part of the catalog without which the method does not exist. */
  needs?: 'resources' | 'prompts' | 'complete'
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
