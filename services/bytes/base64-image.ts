import { placeholderOf } from './json-writer.ts'
import type { BufferSpool } from './spooled-buffer.ts'

/** Formats that the service hands out or takes in. */
export type ImageMimeType = 'image/png' | 'image/jpeg' | 'image/webp' | 'image/gif'

/** What an image's own header says. */
export interface ImageFacts {
  mimeType: ImageMimeType
  /** Pixels. */
  width: number
  /** Pixels. */
  height: number
}

/**
 * A finished image as base64 text, held as it arrived: never joined, never re-encoded. The text
 * is canonical base64 (RFC 4648 §4, padded, no line breaks), already checked to its last byte.
 */
export interface Base64Image extends ImageFacts {
  /** Characters of base64 text, which is also its bytes on the wire. */
  readonly encodedBytes: number
  /** Bytes of the decoded file. */
  readonly bytes: number
  /** The text in order; may be called more than once. Reads from memory, or from a temporary file when it was spilled. */
  chunks(): Iterable<Buffer> | AsyncIterable<Buffer>
  /** Gives the memory or the temporary file back, unless another holder has it too. Must not be read afterwards. Idempotent. */
  release(): Promise<void>
  /** The same image for another holder: memory and file are released when every holder has released its own. */
  share(): Base64Image
  /** Makes `spliceJson` put the image here. Plain `JSON.stringify` gets a short note, so that no log holds an image. */
  toJSON(): string
}

/** Where the text of an image is. */
export interface EncodedText {
  chunks(): Iterable<Buffer> | AsyncIterable<Buffer>
  release(): Promise<void>
}

interface SharedBuffer extends EncodedText {
  holders: number
}

class BufferedImage implements Base64Image {
  readonly mimeType: ImageMimeType
  readonly width: number
  readonly height: number
  readonly encodedBytes: number
  readonly bytes: number
  readonly #text: SharedBuffer
  #released: Promise<void> | undefined

  constructor({ mimeType, width, height }: ImageFacts, bytes: number, text: SharedBuffer) {
    this.mimeType = mimeType
    this.width = width
    this.height = height
    this.bytes = bytes
    this.encodedBytes = Math.ceil(bytes / 3) * 4
    this.#text = text
  }

  chunks() {
    if (this.#released !== undefined) throw new Error('this image has been released')
    return this.#text.chunks()
  }

  release() {
    this.#released ??= --this.#text.holders === 0 ? this.#text.release() : Promise.resolve()
    return this.#released
  }

  share() {
    if (this.#released !== undefined) throw new Error('this image has been released')
    this.#text.holders++
    return new BufferedImage(this, this.bytes, this.#text)
  }

  toJSON() {
    return placeholderOf(this)
  }
}

/** An image whose checked text lies in `text`; `bytes` is the decoded size. */
export function createBase64Image(facts: ImageFacts, bytes: number, text: EncodedText): Base64Image {
  return new BufferedImage(facts, bytes, { holders: 1, chunks: () => text.chunks(), release: () => text.release() })
}

export function isEncodedImage(value: unknown): value is Base64Image {
  return value instanceof BufferedImage
}

/** Bytes encoded at a time; a multiple of three, so that the chunks' texts join without padding between them. */
const chunkBytes = 49_152

function* encodedChunks(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    yield Buffer.from(bytes.toString('base64', at, at + chunkBytes), 'latin1')
  }
}

/** Encodes a finished image (a preview, a test's) into memory. */
export function encodeImage(bytes: Buffer, facts: ImageFacts): Base64Image {
  let chunks = [...encodedChunks(bytes)]
  return createBase64Image(facts, bytes.length, {
    chunks: () => chunks,
    async release() {
      chunks = []
    },
  })
}

/** Encodes an image under the bound on buffered bytes, in a file if memory is short. */
export async function bufferImage(bytes: Buffer, facts: ImageFacts, buffered: BufferSpool): Promise<Base64Image> {
  const text = buffered.open()
  try {
    for (const chunk of encodedChunks(bytes)) await text.write(chunk)
    return createBase64Image(facts, bytes.length, await text.end())
  } catch (error) {
    await text.abort()
    throw error
  }
}
