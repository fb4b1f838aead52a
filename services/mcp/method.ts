import type { Static, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { RequestId } from '../../schemas/json-rpc.ts'
import type { ResponsePath } from '../calls/delivery.ts'
import type { Logger } from '../logging/logger.ts'
import type { CompiledCatalog, Icon, ToolResult } from './catalog.ts'
import { invalidParams } from './protocol-error.ts'
import type { Revision } from './revisions.ts'
import { describeErrors } from './validation-message.ts'

/** Who we are, as `initialize` and `server/discover` tell it. */
export interface ServerInfo {
  name: string
  title: string
  version: string
  websiteUrl?: string
  icons?: readonly Icon[]
}

/** What a method may use to answer one request. */
export interface MethodCall {
  revision: Revision
  /** Versions that a caller of this era may choose from, newest first. */
  versions: readonly string[]
  catalog: CompiledCatalog
  serverInfo: ServerInfo
  instructions: string
  /** What the client says it can do; empty for legacy requests, which say it only once, in their handshake. */
  clientCapabilities: Readonly<Record<string, unknown>>
  transport: 'http' | 'stdio'
  caller: string
  requestId: string
  /** The JSON-RPC id that the client chose. */
  id: RequestId
  /** Of the header; undefined in a batch, whose calls cannot share one. */
  idempotencyKey: string | undefined
  signal: AbortSignal
  /** The way back to the client. */
  response: ResponsePath
  deadlineAt: number
  log: Logger
  progress(message: string): void
  observer: ToolObserver
  guardCall: CallGuard
}

export type ToolOutcome =
  | 'ok'
  | 'input_error'
  | 'upstream_error'
  | 'service_error'
  | 'internal_error'
  | 'cancelled'
  | 'rejected'

export interface ToolObserver {
  toolStarted(tool: string): void
  toolFinished(tool: string, outcome: ToolOutcome, seconds: number): void
}

/** A call whose tool exists and whose arguments have been checked. */
export interface PendingCall {
  tool: string
  args: Readonly<Record<string, unknown>>
  /** Whether the tool only tells something, and makes no image. */
  isReadOnly?: boolean
  caller: string
  /** The JSON-RPC id that the client chose; unique neither between clients nor in time. */
  id: RequestId
  /** Header of the request; an argument of that name stands above it. */
  idempotencyKey?: string | undefined
  /** Fires when the caller is gone. */
  signal: AbortSignal
  /** The way back to the client. */
  response: ResponsePath
  log: Logger
}

/**
 * Stands between a call and its tool. Decides before `run` whether there may be a call, and may answer in its place.
 * @throws ProtocolError the rejection
 */
export type CallGuard = (call: PendingCall, run: () => Promise<ToolResult>) => Promise<ToolResult>

/** How long a client may keep a result, and whether it may share it between users. */
export interface CachePolicy {
  ttlMs: number
  cacheScope: 'public' | 'private'
}

export interface Method {
  name: string
  /** The member of `params` that a modern request repeats in its `Mcp-Name` header. */
  nameMember?: 'name' | 'uri'
  cache?: CachePolicy
  /** The part of the catalog without which the method does not exist. */
  needs?: 'resources' | 'prompts' | 'complete'
  /** @param params without what is null; an empty object where there are none. @throws ProtocolError */
  run(params: unknown, call: MethodCall): Promise<object>
}

/** A method whose parameters are checked against a schema that is compiled once per process. */
export function defineMethod<S extends TSchema>(
  traits: Omit<Method, 'run'>,
  schema: S,
  run: (params: Static<S>, call: MethodCall) => object | Promise<object>,
): Method {
  const validator = Compile(schema)
  return {
    ...traits,
    run: async (params, call) => {
      if (!validator.Check(params)) {
        throw invalidParams(`Invalid params of ${traits.name}: ${describeErrors(validator.Errors(params))}.`)
      }
      return run(params, call)
    },
  }
}
