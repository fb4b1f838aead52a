import type { Model, Operation } from '../../schemas/models.ts'
import type { Base64Image } from '../bytes/base64-image.ts'
import type { ErrorCode } from '../errors/errors.ts'
import type { InputImage, Size } from '../imaging/types.ts'
import type { TellClient } from '../logging/client-line.ts'
import type { Logger } from '../logging/logger.ts'
import type { RequestParameters } from '../parameters/table.ts'
import type { Trace } from '../telemetry/trace.ts'
import type { Recognition } from './models/name-resolution.ts'

/** An image to generate. The arguments have been checked against the deployment's model; the size is fitted to it. */
export interface ImageRequest extends RequestParameters {
  /** A name of `ImagesClient.deployments`; the default one by default. */
  deployment?: string | undefined
  prompt: string
}

export interface EditRequest extends ImageRequest {
  /** The image to edit, then further references. */
  images: readonly [InputImage, ...InputImage[]]
  /** A PNG as large as the first image; the model may change it where the mask is transparent. */
  mask?: InputImage | undefined
}

/** Progress of a call, for notifications. `partial`: a partial image has arrived. */
export type CallStage = 'queued' | 'sent' | 'partial' | 'receiving' | 'saving'

/** What must hold before a request goes to Azure: a call that may run in several processes is sent by one of them. */
export interface Fence {
  /** Called right before the request. @throws what ends the call; nothing is sent then */
  pass(): Promise<void>
  /** Nothing was sent, or Azure rejected it without generating anything: what is sent now passes again. Never rejects. */
  reopen(): Promise<void>
}

export interface CallContext {
  /** Who pays, for the log: the line of generated images has the cost by caller. Callers take turns by `rateLimitKey`. */
  readonly caller?: { readonly id: string; readonly rateLimitKey: string }
  /**
   * The client's signal. Cancels the call until the first byte of the request body is sent. After that the image may be
   * billed, so the call runs to its deadline even if the client disconnects.
   */
  signal: AbortSignal
  /** `performance.now()` at which the call ends, queue and retries included. */
  deadlineAt: number
  /** @param remainingMs estimates the milliseconds until the stage ends, as often as it is called */
  progress?: (stage: CallStage, remainingMs?: () => number) => void
  /** Absent: the client requested no log lines. */
  tell?: TellClient | undefined
  readonly fence?: Fence | undefined
  /** Requests of the call that Azure has and that may be billed; counted here. */
  sentRequests?: number
  /** Those and the rejected ones. */
  attempts?: number
  log: Logger
  /** Where its spans begin; by default it has none. */
  readonly trace?: Trace
}

/** The usage of a call, as far as the response reports it. */
export interface Usage {
  textTokensIn?: number
  imageTokensIn?: number
  /** Of the above, what was read from a cache. */
  cachedTextTokensIn?: number
  cachedImageTokensIn?: number
  tokensOut?: number
  megapixelsIn?: number
  megapixelsOut?: number
}

/** Why a response has fewer images than were requested. */
export type MissingImages =
  /** Azure's content filter removed them, for these categories if it names any. */
  | { cause: 'filter'; categories: readonly string[] }
  /** The response has a link that leads to no image, or a part that cannot be read. */
  | { cause: 'download' | 'unreadable' }

export interface ImageResult {
  /** In Azure's order. The receiver must dispose them. */
  images: readonly [Base64Image, ...Base64Image[]]
  /** The deployment that generated them: the requested one, another one of its pool, or a fallback. */
  producedBy: { deployment: string; model: string }
  /** The requested deployment was not available, and none of its pool. */
  isFallback: boolean
  usage: Usage
  /** Why there may be fewer images than requested, if that is known. */
  missing?: MissingImages | undefined
  /** US dollars by the price table; absent if the price is unknown. */
  costUsd?: number
  /** Azure's id of the request, which Azure's support asks for. */
  azureRequestId?: string | undefined
}

/** What is known of a deployment: enough to check and describe arguments. */
export interface DeploymentInfo {
  name: string
  /** Id of the model. */
  model: string
  /** Deployments with the same one serve each other's calls. */
  pool?: string | undefined
  /** How certain the model is: anything but `exact` was guessed from a name. */
  recognition: Recognition
  /**
   * The row of the model, restricted to the route by which this deployment is reached. Another object once that is known,
   * where the model has two routes; until then what the first one can send.
   */
  readonly capabilities: Readonly<Model>
}

/** How a deployment is doing, as far as its own calls have shown. */
export interface DeploymentState {
  name: string
  lastSuccess: Date | undefined
  lastFailure: { readonly at: Date; readonly code: ErrorCode } | undefined
  /** Why the last call failed, except for what clients or the quota cause. */
  failing: ErrorCode | undefined
  /** Azure has blocked the account; no call is sent. */
  isBlocked: boolean
  /** Calls that wait for their turn. */
  waiting: number
  /** Milliseconds until requests may start again after a 429. */
  pausedMs: number
  /** Requests per minute, and those that are left, if Azure has reported them. */
  quota: number | undefined
  quotaRemaining: number | undefined
}

/** What a paid call would do and cost, known before anything is sent. */
export interface Quote {
  /** The deployment that would serve it. */
  readonly deployment: string
  readonly model: string
  /** The size that would be requested; absent where the model chooses it. */
  readonly size?: Size | undefined
  /** Pixels of the largest image that may come; undefined: unknown. */
  readonly maxPixels?: number | undefined
  /** `auto` where the model chooses it; absent where the model has none. */
  readonly quality?: string | undefined
  /** Images. */
  readonly count: number
  /** US dollars at list price, for the expected usage; undefined: unknown. */
  readonly listUsd: number | undefined
  /** US dollars for the highest usage that these arguments allow, on any deployment that may serve it; undefined: unknown. */
  readonly maxUsd: number | undefined
  /** Estimated milliseconds until it could start. */
  readonly waitMs: number
}

/** What the price of an edit depends on beside its arguments. */
export interface QuotedInputs {
  /** The sizes of its images, the edited one first. */
  images: readonly Size[]
  hasMask: boolean
}

/** The client of Azure's image models. Knows nothing of MCP or HTTP. */
export interface ImagesClient {
  /** The default deployment. */
  readonly deployment: DeploymentInfo
  /** All configured deployments, the default one first; never empty. */
  readonly deployments: readonly DeploymentInfo[]
  /** The state of each, in the same order. */
  status(): readonly DeploymentState[]
  /**
   * Estimated milliseconds until a call of a deployment could be sent.
   *
   * @param deployment the default one by default, as for an unknown name
   * @param caller its `rateLimitKey`; by default, a caller that has no call waiting
   */
  waitMs(deployment?: string, caller?: string): number
  /** Estimated milliseconds until a call that is not waiting yet has its images, with so many others before it. */
  expectMs(deployment: string | undefined, ahead: number): number
  /**
   * @param caller its `rateLimitKey`
   * @param inputs of an edit
   */
  quote(operation: Operation, request: ImageRequest, caller: string, inputs?: QuotedInputs): Quote
  /** @throws ServiceError of family `upstream`, or `IMG_ERR_CANCELLED` if the client disconnected in time. */
  generate(request: ImageRequest, context: CallContext): Promise<ImageResult>
  /** @throws as `generate`. */
  edit(request: EditRequest, context: CallContext): Promise<ImageResult>
  /** Whether the last attempt to set up connections succeeded; a wrong proxy or a lack of file descriptors prevents it. */
  readonly canConnect: boolean
  /** Closes the connections once running calls have ended. */
  close(): Promise<void>
}
