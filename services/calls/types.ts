import type { Static, TSchema } from 'typebox'
import type { TLocalizedValidationError } from 'typebox/error'
import type { RequestId } from '../../schemas/json-rpc.ts'
import type { Caller } from '../auth/authenticator.ts'
import type { Base64Image } from '../bytes/base64-image.ts'
import type { LibraryAccess } from '../library/access.ts'
import type { Logger } from '../logging/logger.ts'
import type { Delivery } from './delivery.ts'

/**
 * One request on its way through the service: made by its transport and passed by reference to everything that works on
 * it. Members that cost something (`signal`, `scope`, `delivery`) are created when they are first read.
 */
export interface CallContext {
  /** The request id, which log lines and internal errors name. */
  readonly id: string
  readonly caller: Caller
  /** What the caller may do with stored images. */
  readonly access: LibraryAccess
  /** Where the client reaches this service, without a slash at the end; absent over stdio, which has no addresses. */
  readonly baseUrl?: string | undefined
  /** Fires when the client cancels or disconnects. */
  readonly signal: AbortSignal
  /** Whether the signal has fired, without creating one. */
  readonly isCancelled: boolean
  /** `performance.now()` at which the call must have ended. */
  readonly deadlineAt: number
  readonly log: Logger
  /** Owns the body, the inputs and the outputs of the call; closed once, when the call and its response are both done. */
  readonly scope: AsyncDisposableStack
  /** What the client proves of the response. */
  readonly delivery: Delivery
  /** Requests for it that Azure has and that may be billed; one that Azure rejected no longer counts. */
  sentRequests: number
  /** The `Idempotency-Key` header, 1 to 128 visible ASCII characters. */
  readonly idempotencyKey?: string | undefined
  /** Reports a stage of the work (a `CallStage`, or words of a tool) to clients that requested progress. Never throws. */
  progress: (stage: string) => void
}

export type ContentBlock =
  | { type: 'text'; text: string }
  /** `data` is base64: a string, or an image whose Buffers are spliced into the response. */
  | { type: 'image'; data: string | Base64Image; mimeType: string }
  | { type: 'audio'; data: string; mimeType: string }
  | ResourceLink
  | { type: 'resource'; resource: ResourceContents }

export interface ResourceLink {
  type: 'resource_link'
  uri: string
  name: string
  title?: string
  mimeType?: string
  /** Bytes of the decoded content. */
  size?: number
}

export type ResourceContents =
  | { uri: string; mimeType?: string; text: string }
  | { uri: string; mimeType?: string; blob: string | Base64Image }

export interface ToolResult {
  content: ContentBlock[]
  isError?: boolean
}

/** https://modelcontextprotocol.io/specification/2025-11-25/server/tools#annotations */
export interface ToolAnnotations {
  readOnlyHint: boolean
  destructiveHint: boolean
  idempotentHint: boolean
  openWorldHint: boolean
}

/** https://modelcontextprotocol.io/specification/2025-11-25/basic#icons */
export interface Icon {
  /** An `https:` or `data:` URI. */
  src: string
  mimeType?: string
  sizes?: readonly string[]
}

type Arguments = Readonly<Record<string, unknown>>

export interface Tool<S extends TSchema = TSchema> {
  name: string
  title: string
  description: string
  inputSchema: S
  annotations: ToolAnnotations
  /** Arguments in which a long base64 text may be an `InlineBlob`; in all others it is text. */
  imageArguments?: readonly string[]
  icons?: readonly Icon[]
  /** Client capabilities without which a call is rejected with -32021. Only modern clients declare them. */
  requiredCapabilities?: readonly string[]
  /** Whether it finds or changes stored images: neither published to nor run for callers that may not list them. */
  needsListing?: true
  /** Images that a call with these valid arguments generates and pays for. Absent: none. */
  cost?(args: Static<S>): number
  /** Turns what a client sent into what the schema judges; absent: the arguments stay as they are. */
  normalize?(args: Arguments): Arguments
  /**
   * Looks at the normalized arguments before the schema does, for mistakes that deserve a better sentence than a schema's.
   * @throws ServiceError
   */
  reject?(args: Arguments): void
  /** @throws ServiceError */
  call(args: Static<S>, context: CallContext): Promise<ToolResult>
}

export interface CompiledTool {
  tool: Tool
  validator: { Check(value: unknown): boolean; Errors(value: unknown): TLocalizedValidationError[] }
}

/** One call of a tool, the same on every transport. */
export interface Call {
  readonly context: CallContext
  readonly tool: CompiledTool
  /** What the client sent; from `checkArguments` on what the tool's schema accepted. */
  args: Arguments
  /** Images that the call pays for; set by `checkArguments`. 0: nothing is generated. */
  cost: number
  /** The id that the client gave its request; unique neither between clients nor in time. */
  readonly requestId: RequestId
  /** Of the header; undefined in a batch, whose calls cannot share one. An argument of that name overrides it. */
  readonly idempotencyKey?: string | undefined
}

/** A step around a call: does its part before and after `next`, or returns a result in its place. */
export type Around = (call: Call, next: () => Promise<ToolResult>) => Promise<ToolResult>
