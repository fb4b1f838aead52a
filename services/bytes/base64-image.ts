import { ReportedError } from '../errors/app-error.ts'
import { createBase64Decoder, DECODED_AT_A_TIME, decodedCapacity } from './base64-decoder.ts'
import { encodeBase64, encodedLength } from './base64-encoder.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { BufferSpool, EncodedText } from './spooled-buffer.ts'

/** Formats that the service returns. Clients may send all but SVG. */
export const imageMimeTypes = ['image/png', 'image/jpeg', 'image/webp', 'image/gif', 'image/svg+xml'] as const
export type ImageMimeType = (typeof imageMimeTypes)[number]

/** What an image's own bytes say. */
export interface ImageFacts {
  mimeType: ImageMimeType
  /** Pixels. */
  width: number
  /** Pixels. */
  height: number
  /** Whether it carries Content Credentials (C2PA); absent: unknown, since not all of its bytes have been examined. */
  hasCredentials?: boolean | undefined
}

/** Sees the bytes of an image while they arrive. */
export interface ByteScanner {
  write(chunk: Buffer): void
  /** Undefined: not found so far. */
  readonly found: boolean | undefined
}

/** Decoded at a time: a write to a file or socket waits, so that most images are one chunk. */
const DECODED_CHUNK_BYTES = 4_194_304

interface SharedText {
  readonly text: EncodedText
  owners: number
}

/**
 * A complete image as base64 text, buffered exactly as it arrived: never joined, never re-encoded. The text is canonical
 * base64 (RFC 4648 §4, padded, no line breaks), checked to its last byte.
 *
 * Every instance has one owner, which disposes it (`await using`, or `scope.use`). Disposing is idempotent.
 */
export class Base64Image implements ImageFacts, AsyncDisposable {
  readonly mimeType: ImageMimeType
  readonly width: number
  readonly height: number
  readonly hasCredentials: boolean | undefined
  /** Bytes of the decoded file. */
  readonly bytes: number
  /** Characters of base64 text, which is also its bytes on the wire. */
  readonly encodedBytes: number
  readonly #shared: SharedText
  #disposed: Promise<void> | undefined

  /** @param text the checked text @param bytes the decoded size */
  constructor(facts: ImageFacts, bytes: number, text: EncodedText, shared: SharedText = { text, owners: 0 }) {
    this.mimeType = facts.mimeType
    this.width = facts.width
    this.height = facts.height
    this.hasCredentials = facts.hasCredentials
    this.bytes = bytes
    this.encodedBytes = encodedLength(bytes)
    this.#shared = shared
    shared.owners++
  }

  /** The text in order; may be called more than once. @throws Error once disposed */
  chunks(): Iterable<Buffer> | AsyncIterable<Buffer> {
    this.#checkUsable()
    return this.#shared.text.chunks()
  }

  /**
   * The decoded file in chunks, each valid until the next one is requested.
   * @param chunkBytes the size of a chunk at most, and at least that of one decoding
   */
  async *decoded(pool: BufferPool, chunkBytes = DECODED_CHUNK_BYTES): AsyncGenerator<Buffer> {
    const decoder = createBase64Decoder()
    const decodedAtATime = decodedCapacity(DECODED_AT_A_TIME)
    using block = pool.acquire(Math.max(decodedAtATime, Math.min(chunkBytes, this.bytes + decodedAtATime)))
    let filled = 0
    for await (const chunk of this.chunks()) {
      for (let at = 0; at < chunk.length; at += DECODED_AT_A_TIME) {
        filled += decoder.write(chunk.subarray(at, at + DECODED_AT_A_TIME), block.bytes.subarray(filled))
        if (filled + decodedAtATime <= block.bytes.length) continue
        yield block.bytes.subarray(0, filled)
        filled = 0
      }
    }
    decoder.end()
    if (filled > 0) yield block.bytes.subarray(0, filled)
  }

  /** The same text for a second owner; its memory or file lives until both have disposed their own. */
  clone(): Base64Image {
    this.#checkUsable()
    return new Base64Image(this, this.bytes, this.#shared.text, this.#shared)
  }

  /** For logs and plain `JSON.stringify`: a note instead of megabytes. `writeJson` writes the text itself. */
  toJSON(): string {
    return `(${this.mimeType}, ${this.bytes} bytes)`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= --this.#shared.owners === 0 ? this.#shared.text[Symbol.asyncDispose]() : Promise.resolve()
    await this.#disposed
  }

  #checkUsable(): void {
    if (this.#disposed !== undefined) throw new Error('this image has been disposed')
  }
}

/** Encodes a finished image (a preview, a test's) into memory. */
export function encodeImage(bytes: Buffer, facts: ImageFacts): Base64Image {
  let chunks = [...encodeBase64(bytes)]
  return new Base64Image(facts, bytes.length, {
    chunks: () => chunks,
    async [Symbol.asyncDispose]() {
      chunks = []
    },
  })
}

/** Metadata that a file may have before its size. */
const MAX_HEAD_BYTES = 1_048_576

/**
 * Encodes an image that arrives in chunks, under the bound on buffered bytes, in a file if memory is short.
 *
 * @param factsOf reads the facts from the beginning of the file; `undefined` if it needs more
 * @param credentials looks for Content Credentials
 * @throws ReportedError if it is no image, and what `chunks` throws
 */
export async function bufferImage(
  chunks: Iterable<Buffer> | AsyncIterable<Buffer>,
  factsOf: (head: Buffer) => ImageFacts | undefined,
  spool: BufferSpool,
  credentials?: ByteScanner,
): Promise<Base64Image> {
  const text = spool.open()
  let facts: ImageFacts | undefined
  let head = Buffer.alloc(0)
  /** Up to two bytes that base64 encodes together with the next ones. */
  let rest = Buffer.alloc(0)
  let bytes = 0
  try {
    for await (const chunk of chunks) {
      bytes += chunk.length
      credentials?.write(chunk)
      if (facts === undefined) {
        head = Buffer.concat([head, chunk])
        facts = factsOf(head)
        if (head.length > MAX_HEAD_BYTES) break
      }
      const joined = Buffer.concat([rest, chunk])
      const end = joined.length - (joined.length % 3)
      rest = joined.subarray(end)
      for (const encoded of encodeBase64(joined.subarray(0, end))) await text.write(encoded)
    }
    if (facts === undefined) throw new ReportedError('the file is not an image of a known format')
    for (const encoded of encodeBase64(rest)) await text.write(encoded)
    const hasCredentials = credentials && credentials.found === true
    return new Base64Image({ ...facts, hasCredentials }, bytes, await text.end())
  } catch (error) {
    await text[Symbol.asyncDispose]()
    throw error
  }
}

/** Disposes images whose owner is done with them. */
export async function disposeAll(images: Iterable<AsyncDisposable>): Promise<void> {
  await Promise.all(Array.from(images, (image) => image[Symbol.asyncDispose]()))
}
