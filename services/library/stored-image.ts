import { ENCODED_AT_A_TIME, encodeBase64 } from '../bytes/base64-encoder.ts'
import { Base64Image, type ImageFacts } from '../bytes/base64-image.ts'
import { sniffFormat } from '../imaging/image-header.ts'
import { sniffFacts } from '../imaging/image-probe.ts'
import type { StoredFile } from './image-store.ts'

/** Most images declare format and size within it. */
const HEAD_BYTES = 65_536
/** Metadata that a JPEG may put before its size. */
const MAX_HEAD_BYTES = 4_194_304

/**
 * An image in an open file, read in chunks while it is sent: concurrent requests for large images must not exhaust the
 * memory. Disposing it closes the file, as does a failure here.
 * @throws Error if it is not an image, or larger than `maxBytes`
 */
export async function openStoredImage(file: StoredFile, maxBytes: number): Promise<Base64Image> {
  try {
    if (file.bytes > maxBytes) throw new Error('not a file within the limit')
    return openStoredPart(file, await readFacts(file), { from: 0, to: file.bytes })
  } catch (error) {
    await file[Symbol.asyncDispose]()
    throw error
  }
}

/**
 * Some bytes of an image in an open file, read while they are sent. Disposing it closes the file.
 * @param facts of the whole image
 */
export function openStoredPart(
  file: StoredFile,
  facts: ImageFacts,
  { from, to }: { from: number; to: number },
): Base64Image {
  return new Base64Image(facts, to - from, {
    chunks: () => encodedChunks(file, from, to),
    async [Symbol.asyncDispose]() {
      await file[Symbol.asyncDispose]()
    },
  })
}

/** Reads as little of the file as needed. */
async function readFacts(file: StoredFile): Promise<ImageFacts> {
  const size = file.bytes
  for (let length = Math.min(HEAD_BYTES, size); ; length = Math.min(length * 4, size)) {
    const head = await readBytes(file, length)
    const facts = sniffFacts(head)
    if (facts !== undefined) return facts
    if (length === size || length >= MAX_HEAD_BYTES || sniffFormat(head) === undefined) throw new Error('not an image')
  }
}

/** The first `length` bytes of a file in one Buffer. @throws Error if it has become shorter */
export async function readBytes(file: StoredFile, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length)
  let done = 0
  for await (const chunk of file.read(0, length)) done += chunk.copy(bytes, done)
  return bytes
}

/** Base64 in chunks that encode whole groups of three bytes, whatever the sizes in which the file is read. */
async function* encodedChunks(file: StoredFile, from: number, to: number): AsyncGenerator<Buffer> {
  const block = Buffer.allocUnsafe(2 * ENCODED_AT_A_TIME)
  let filled = 0
  for await (const chunk of file.read(from, to)) {
    for (let at = 0; at < chunk.length; ) {
      const copied = chunk.copy(block, filled, at)
      at += copied
      filled += copied
      if (filled < block.length) continue
      yield* encodeBase64(block)
      filled = 0
    }
  }
  yield* encodeBase64(block.subarray(0, filled))
}
