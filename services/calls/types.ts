import type { Static, TSchema } from 'typebox'
import type { TLocalizedValidationError } from 'typebox/error'
import type { RequestId } from '../../schemas/json-rpc.ts'
import type { LibraryResult } from '../../schemas/library-result.ts'
import type { StudioMeta } from '../../schemas/studio.ts'
import type { Caller } from '../auth/authenticator.ts'
import type { Fence, Quote, Usage } from '../azure/types.ts'
import type { Base64Image } from '../bytes/base64-image.ts'
import type { Run } from '../databases/state-database.ts'
import type { LibraryAccess } from '../library/access.ts'
import type { TellClient } from '../logging/client-line.ts'
import type { Logger } from '../logging/logger.ts'
import type { Trace } from '../telemetry/trace.ts'
import type { Delivery } from './delivery.ts'
import type { ClientInput, Completion, Question } from './input.ts'

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
  /** How the client is connected, for receipts. */
  readonly door: Door
  /** Where the client reaches this service, without a slash at the end; absent over stdio, which has no addresses. */
  readonly baseUrl?: string | undefined
  /** Fires when the client cancels or disconnects. */
  readonly signal: AbortSignal
  /** Whether the signal has fired, without creating one. */
  readonly isCancelled: boolean
  /** `performance.now()` at which the call must have ended. */
  readonly deadlineAt: number
  readonly log: Logger
  /** Where its spans begin. */
  readonly trace: Trace
  /** Owns the body, the inputs and the outputs of the call; closed once, when the call and its response are both done. */
  readonly scope: AsyncDisposableStack
  /** What the client proves of the response. */
  readonly delivery: Delivery
  /** Requests for it that Azure has and that may be billed; one that Azure rejected no longer counts. */
  sentRequests: number
  /** Requests for it that were sent to Azure, rejected ones included; absent: none. */
  attempts?: number
  /** The `Idempotency-Key` header, 1 to 128 visible ASCII characters. */
  readonly idempotencyKey?: string | undefined
  /** Of a job: what must hold before its request goes to Azure. */
  readonly fence?: Fence | undefined
  /** Part of the transaction that stores the job which the call becomes. @throws what ends the call; no job is stored then */
  readonly onJob?: ((id: string, run: Run) => Promise<void>) | undefined
  /** The client takes images of any size, so that none is replaced by a preview. */
  readonly takesWholeImages?: boolean | undefined
  /** No client waits for the result, so that storing its images may take its time. */
  isDetached?: boolean
  /** When it was counted in its caller's rate and quota, in milliseconds since 1970; asking its client in between changes nothing. */
  countedAt?: number | undefined
  /** Its images are being stored for a client that waits. */
  isSaving?: boolean
  /** The scope stays open until this has ended as well, which may be after the response. */
  outlive(work: Promise<unknown>): void
  /** What the client can be asked. Absent: nothing. */
  input?: ClientInput | undefined
  /**
   * Reports a stage of the work (a `CallStage`, or words of a tool) to clients that requested progress. Never throws.
   *
   * @param remainingMs estimates the milliseconds until the stage ends, as often as it is called
   */
  progress: (stage: string, remainingMs?: () => number) => void
  /** Absent: the client requested no log lines. */
  tell?: TellClient | undefined
}

/** The ways by which calls come in: a closed set. */
export const doors = ['mcp', 'stdio', 'openai'] as const
export type Door = (typeof doors)[number]

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
  | { uri: string; mimeType?: string; text: string; _meta?: object }
  | { uri: string; mimeType?: string; blob: string | Base64Image }

export interface ToolResult {
  content: ContentBlock[]
  isError?: boolean
  /** For the studio; models do not see it. */
  studio?: StudioMeta | undefined
  /** Not for the client. Of a paid result whose images are all in the library: what other processes need to repeat it. */
  stored?: LibraryResult | undefined
  /** Not for the client. What Azure billed. */
  paid?: PaidFacts | undefined
  /** Not for the client. The job that the call became. */
  jobId?: string
}

/** What a call got from Azure, for its receipt. */
export interface PaidFacts {
  readonly deployment: string
  readonly model: string
  readonly azureRequestId?: string | undefined
  readonly usage: Usage
  /** US dollars at list price; absent: unknown. */
  readonly costUsd?: number | undefined
  /** Images that were generated. */
  readonly count: number
  /** Those of them that are in the library. */
  readonly images: readonly { readonly id: string; readonly sha256: string }[]
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

/** A rule of the policy that applies to a call, as far as it bounds what its callers use up together. */
export interface MatchedRule {
  /** Unique; a label of metrics. */
  readonly name: string
  /** Whether calls beyond its limits are rejected; otherwise they are only counted. */
  readonly isEnforced: boolean
  /** Of a calendar day or month (UTC); absent: no limit. */
  readonly imagesPerDay?: number | undefined
  readonly usdPerDay?: number | undefined
  readonly usdPerMonth?: number | undefined
  /** US dollars that an image counts whose price is unknown. */
  readonly priceUnknownUsd?: number | undefined
}

export interface Tool<S extends TSchema = TSchema> {
  name: string
  title: string
  description: string
  inputSchema: S
  annotations: ToolAnnotations
  /** Arguments in which a long base64 text may be an `InlineBlob`; in all others it is text. */
  imageArguments?: readonly string[]
  icons?: readonly Icon[]
  /** Of MCP Apps: the app that shows its results, and who calls it (by default model and app). No rights follow from it. */
  ui?: { readonly resourceUri?: string; readonly visibility?: readonly ('model' | 'app')[] }
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
  /**
   * What the client's user is asked of these valid arguments, and has answered. Called only where there is `context.input`.
   * @throws ServiceError for what was declined
   */
  complete?(args: Static<S>, context: CallContext): Promise<Completion>
  /** The arguments with references that mean the same images until the call has ended. @throws as `call` */
  resolve?(args: Static<S>, context: CallContext): Promise<Arguments>
  /** What a call with these valid arguments would do and cost; only tools with a cost have it. @throws as `call` for its arguments */
  quote?(args: Static<S>, context: CallContext): Promise<Quote>
  /** The arguments with every image in the library, so that they can be stored until the turn of a job. @throws as `call` */
  withStoredImages?(args: Static<S>, context: CallContext): Promise<Arguments>
  /** @throws ServiceError */
  call(args: Static<S>, context: CallContext): Promise<ToolResult>
}

export interface CompiledTool {
  tool: Tool
  validator: { Check(value: unknown): boolean; Errors(value: unknown): TLocalizedValidationError[] }
}

/** One call of a tool, the same on every transport. */
export interface Call {
  context: CallContext
  readonly tool: CompiledTool
  /** What the client sent; from `checkArguments` on what the tool's schema accepted. */
  args: Arguments
  /** Images that the call pays for; set by `checkArguments`. 0: nothing is generated. */
  cost: number
  /** Set by `quoteCall`; absent for calls that cost nothing. */
  quote?: Quote | undefined
  /** The client takes a task in place of the result of a paid call, and can then be asked this. */
  readonly task?: { canBeAsked: readonly Question[] } | undefined

  /**
   * True: the client repeats a call, and has no response to it. False: it does not, and would say so. Absent: it never says.
   */
  readonly isRetry?: boolean | undefined
  /** Milliseconds after which the client gets a job id in place of a result that is not there yet; absent: it waits. */
  readonly handOverAfterMs?: number | undefined
  /** The rules that apply to it; absent: none. */
  rules?: readonly MatchedRule[] | undefined
  /** The turn of a job: what was checked when it was submitted is not checked again. */
  readonly isTurn?: true
  /** The id that the client gave its request; unique neither between clients nor in time. */
  readonly requestId: RequestId
  /** Of the header; undefined in a batch, whose calls cannot share one. An argument of that name overrides it. */
  readonly idempotencyKey?: string | undefined
}

/** What is around a call from here on. @param changed the call as it goes on; by default as it is */
export type Next = (changed?: Call) => Promise<ToolResult>

/** A step around a call: does its part before and after `next`, or returns a result in its place. */
export type Around = (call: Call, next: Next) => Promise<ToolResult>

/**
 * Makes one call of a tool, on any transport.
 * @throws Rejection where a limit is reached, ServiceError for what is wrong with the call or failed
 */
export type RunCall = (call: Call) => Promise<ToolResult>
