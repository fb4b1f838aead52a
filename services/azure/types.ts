import type { Model } from '../../schemas/models.ts'
import type { Base64Image } from '../bytes/base64-image.ts'
import type { Logger } from '../logging/logger.ts'
import type { Recognition } from './models/name-resolution.ts'

/** Pixels. */
export interface Size {
  width: number
  height: number
}

/** An image on its way to Azure: already checked, already in a format that Azure takes. */
export interface InputImage extends Size {
  bytes: Buffer
  mimeType: 'image/png' | 'image/jpeg'
}

/** What to make. Everything has been checked against the deployment's model; the client decides nothing about meaning. */
export interface ImageRequest {
  /** A name of `ImagesClient.deployments`; the default one by default. */
  deployment?: string | undefined
  prompt: string
  /** Already fitted with `DeploymentCard.fitSize`. Absent: the model's own choice. */
  size?: Size | undefined
  /** Instead of a size, where the model takes a shape: `16:9`. */
  aspectRatio?: string | undefined
  /** Images wanted; 1 by default. */
  count?: number | undefined
  seed?: number | undefined
  quality?: string | undefined
  format?: 'png' | 'jpeg' | undefined
  /** 0 to 100, JPEG only. */
  compression?: number | undefined
  background?: string | undefined
  guidance?: number | undefined
  steps?: number | undefined
  autoAspectRatio?: boolean | undefined
  webGrounding?: boolean | undefined
}

export interface EditRequest extends ImageRequest {
  /** The image to edit, then further references. Never empty. */
  images: readonly [InputImage, ...InputImage[]]
  /** A PNG as large as the first image; where it is transparent the model may paint. */
  mask?: InputImage | undefined
  inputFidelity?: string | undefined
}

/** Where a call stands; drives progress notifications. `sketched`: a first, partial image has come. */
export type CallStage = 'queued' | 'sent' | 'sketched' | 'receiving' | 'saving'

export interface CallContext {
  /**
   * The caller's signal. Obeyed until the first byte of the request body goes to Azure; from then on the image is being
   * paid for, and the call runs to its own deadline whatever the caller does.
   */
  signal: AbortSignal
  /** `performance.now()` at which the call ends, queue and retries included. */
  deadlineAt: number
  progress?: (stage: CallStage) => void
  log: Logger
}

/** What a call used up, as far as the response says. */
export interface Usage {
  textTokensIn?: number
  imageTokensIn?: number
  tokensOut?: number
  megapixelsIn?: number
  megapixelsOut?: number
}

export interface ImageResult {
  /** In Azure's order, at least one. Whoever receives the response releases them. */
  images: readonly [Base64Image, ...Base64Image[]]
  /** Which deployment made them: the one asked for, or a fallback. */
  producedBy: { deployment: string; model: string }
  usage: Usage
  /** US dollars by the price table; absent where no price is known. */
  costUsd?: number
}

export type Operation = 'generate' | 'edit'

/** What a tool needs to know about a deployment to check and describe arguments. */
export interface DeploymentInfo {
  name: string
  model: string
  /** How sure it is that this is the model: anything but `exact` was guessed from a name. */
  recognition: Recognition
  /** What the model can do on the route by which this deployment is reached. */
  can: Readonly<Model>
  /** One sentence on prompts, where the model's card says something a caller should know (language, length). */
  promptAdvice?: string
  /** The nearest size that the model makes for this wish. */
  fitSize(operation: Operation, requested: Size): Size
}

/** Azure's image models behind one face. Knows nothing of MCP or HTTP callers. */
export interface ImagesClient {
  /** The default deployment. */
  readonly deployment: DeploymentInfo
  /** All that are configured, the default one first; never empty. */
  readonly deployments: readonly DeploymentInfo[]
  /** @throws ServiceError of family `upstream`, or `IMG_ERR_CANCELLED` when the caller left in time. */
  generate(request: ImageRequest, context: CallContext): Promise<ImageResult>
  /** @throws as `generate`. */
  edit(request: EditRequest, context: CallContext): Promise<ImageResult>
  /** Closes the connections once running calls have ended. */
  close(): Promise<void>
}
