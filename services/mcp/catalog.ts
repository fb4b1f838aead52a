import type { Static, TSchema } from 'typebox'
import type { EncodedImage } from '../images/encoded-image.ts'
import type { Logger } from '../logger.ts'

/**
 * What a server offers, told to the protocol layer. The layer knows revisions, envelopes and errors; it learns the
 * meaning of a tool only through these types, so that a test can plug in a catalog of its own.
 */

/** https://modelcontextprotocol.io/specification/2025-11-25/server/tools#annotations */
export interface ToolAnnotations {
  readOnlyHint: boolean
  destructiveHint: boolean
  idempotentHint: boolean
  openWorldHint: boolean
}

export type ContentBlock =
  | { type: 'text'; text: string }
  /** `data` is base64: a string, or a picture whose Buffers are spliced into the answer. */
  | { type: 'image'; data: string | EncodedImage; mimeType: string }
  | { type: 'audio'; data: string; mimeType: string }
  | { type: 'resource_link'; uri: string; name: string; title?: string; mimeType?: string; size?: number }
  | { type: 'resource'; resource: ResourceContents }

export type ResourceContents =
  | { uri: string; mimeType?: string; text: string }
  | { uri: string; mimeType?: string; blob: string | EncodedImage }

export interface ToolResult {
  content: ContentBlock[]
  isError?: boolean
}

export interface ToolContext {
  /** Fires when the caller cancels or disconnects. */
  signal: AbortSignal
  /** `Date.now()` at which the call must have ended. */
  deadlineAt: number
  transport: 'http' | 'stdio'
  /** Who calls: key name, token subject, or address. Never shown to others. */
  caller: string
  requestId: string
  log: Logger
  /** Tells the caller where the work stands, if it asked to know. Never throws. */
  progress(message: string): void
}

export interface Tool<S extends TSchema = TSchema> {
  name: string
  title: string
  description: string
  inputSchema: S
  annotations: ToolAnnotations
  /** @throws ServiceError; the protocol layer turns it into a result with `isError`. */
  call(args: Static<S>, context: ToolContext): Promise<ToolResult>
}
