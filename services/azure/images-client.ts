import type { EncodedImage } from '../images/encoded-image.ts'
import type { Logger } from '../logger.ts'

/** Pixels. */
export interface Size {
  width: number
  height: number
}

/** A picture on its way to Azure: already checked, already in a format that Azure takes. */
export interface InputImage extends Size {
  bytes: Buffer
  mimeType: 'image/png' | 'image/jpeg'
}

/** What to make. Everything has been checked against the deployment's model; the client decides nothing about meaning. */
export interface ImageRequest {
  prompt: string
  /** Already fitted with `DeploymentCard.fitSize`. Absent: the model's own choice. */
  size?: Size
}

export interface EditRequest extends ImageRequest {
  /** The picture to edit, then further references. Never empty. */
  images: readonly [InputImage, ...InputImage[]]
}

/** Where a call stands; drives progress notifications. */
export type CallStage = 'queued' | 'sent' | 'receiving' | 'saving'

export interface CallContext {
  /**
   * The caller's signal. Obeyed until the first byte of the request body goes to Azure; from then on the image is being
   * paid for, and the call runs to its own deadline whatever the caller does.
   */
  signal: AbortSignal
  /** `Date.now()` at which the call ends, queue and retries included. */
  deadlineAt: number
  onStage?: (stage: CallStage) => void
  log: Logger
}

export interface ImageAnswer {
  /** In Azure's order, at least one. Whoever receives the answer releases them. */
  images: readonly [EncodedImage, ...EncodedImage[]]
}

export type Operation = 'generate' | 'edit'

/** What a tool needs to know about a deployment to check and describe arguments. */
export interface DeploymentCard {
  name: string
  model: string
  /** One sentence on prompts, where the model's card says something a caller should know (language, length). */
  promptAdvice?: string
  /** The nearest size that the model makes for this wish. */
  fitSize(operation: Operation, wish: Size): Size
}

/** Azure's image models behind one face. Knows nothing of MCP or HTTP callers. */
export interface ImagesClient {
  /** The default deployment. */
  readonly deployment: DeploymentCard
  /** @throws ServiceError of family `upstream`, or `IMG_ERR_CANCELLED` when the caller left in time. */
  generate(request: ImageRequest, context: CallContext): Promise<ImageAnswer>
  /** @throws as `generate`. */
  edit(request: EditRequest, context: CallContext): Promise<ImageAnswer>
  /** Closes the connections once running calls have ended. */
  close(): Promise<void>
}
