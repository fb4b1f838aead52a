import type { HeldBytes } from './spooled-buffer.ts'
import { placeholderOf } from './json-writer.ts'

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
 * A finished picture as base64 text, held as it arrived: never joined, never re-encoded. The text
 * is canonical base64 (RFC 4648 §4, padded, no line breaks), already checked to its last byte.
 */
export interface EncodedImage extends ImageFacts {
  /** Characters of base64 text, which is also its bytes on the wire. */
  readonly encodedBytes: number
  /** Bytes of the decoded file. */
  readonly bytes: number
  /** The text in order; may be called more than once. Reads from memory, or from a temporary file when it was spilled. */
  chunks(): Iterable<Buffer> | AsyncIterable<Buffer>
  /** Gives the memory or the temporary file back, unless another holder has it too. Must not be read afterwards. Idempotent. */
  release(): Promise<void>
  /** The same picture for another holder: memory and file are given back when every holder has released its own. */
  share(): EncodedImage
  /** Makes `spliceJson` put the picture here. Plain `JSON.stringify` gets a short note, so that no log holds a picture. */
  toJSON(): string
}

/** Where the text of a picture is. */
export interface EncodedText {
  chunks(): Iterable<Buffer> | AsyncIterable<Buffer>
  release(): Promise<void>
}

interface HeldInCommon extends EncodedText {
  holders: number
}

class HeldImage implements EncodedImage {
  readonly mimeType: ImageMimeType
  readonly width: number
  readonly height: number
  readonly encodedBytes: number
  readonly bytes: number
  readonly #text: HeldInCommon
  #released: Promise<void> | undefined

  constructor({ mimeType, width, height }: ImageFacts, bytes: number, text: HeldInCommon) {
    this.mimeType = mimeType
    this.width = width
    this.height = height
    this.bytes = bytes
    this.encodedBytes = Math.ceil(bytes / 3) * 4
    this.#text = text
  }

  chunks() {
    if (this.#released !== undefined) throw new Error('this picture has been released')
    return this.#text.chunks()
  }

  release() {
    this.#released ??= --this.#text.holders === 0 ? this.#text.release() : Promise.resolve()
    return this.#released
  }

  share() {
    if (this.#released !== undefined) throw new Error('this picture has been released')
    this.#text.holders++
    return new HeldImage(this, this.bytes, this.#text)
  }

  toJSON() {
    return placeholderOf(this)
  }
}

/** A picture whose checked text lies in `text`; `bytes` is the decoded size. */
export function createEncodedImage(facts: ImageFacts, bytes: number, text: EncodedText): EncodedImage {
  return new HeldImage(facts, bytes, { holders: 1, chunks: () => text.chunks(), release: () => text.release() })
}

export function isEncodedImage(value: unknown): value is EncodedImage {
  return value instanceof HeldImage
}

/** Bytes encoded at a time; a multiple of three, so that the pieces' texts join without padding between them. */
const pieceBytes = 49_152

function* encodedPieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    yield Buffer.from(bytes.toString('base64', at, at + pieceBytes), 'latin1')
  }
}

/** Encodes a finished picture (a preview, a test's) into memory. */
export function encodeImage(bytes: Buffer, facts: ImageFacts): EncodedImage {
  let pieces = [...encodedPieces(bytes)]
  return createEncodedImage(facts, bytes.length, {
    chunks: () => pieces,
    async release() {
      pieces = []
    },
  })
}

/** Encodes an image under the bound on buffered bytes, in a file if memory is short. */
export async function bufferImage(bytes: Buffer, facts: ImageFacts, held: HeldBytes): Promise<EncodedImage> {
  const text = held.open()
  try {
    for (const piece of encodedPieces(bytes)) await text.write(piece)
    return createEncodedImage(facts, bytes.length, await text.end())
  } catch (error) {
    await text.abort()
    throw error
  }
}
