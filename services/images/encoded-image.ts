/** Formats that the service hands out or takes in. */
export type ImageMimeType = 'image/png' | 'image/jpeg' | 'image/webp' | 'image/gif'

/** What a picture's own header says. */
export interface ImageFacts {
  mimeType: ImageMimeType
  /** Pixels. */
  width: number
  /** Pixels. */
  height: number
}

/**
 * A finished picture as base64 text, held in the Buffers in which it arrived: never joined, never re-encoded. The text
 * is canonical base64 (RFC 4648 §4, padded, no line breaks), already checked to its last byte.
 */
export interface EncodedImage extends ImageFacts {
  /** Characters of base64 text, which is also its bytes on the wire. */
  readonly encodedBytes: number
  /** Bytes of the decoded file. */
  readonly bytes: number
  /** The text in order; may be called more than once. Reads from memory, or from a temporary file when it was spilled. */
  chunks(): Iterable<Buffer> | AsyncIterable<Buffer>
  /** Gives the memory or the temporary file back. The picture must not be read afterwards. Idempotent. */
  release(): Promise<void>
}
