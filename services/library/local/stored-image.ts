import type { FileHandle } from 'node:fs/promises'
import { ENCODED_AT_A_TIME, encodeBase64 } from '../../bytes/base64-encoder.ts'
import { Base64Image, type ImageFacts } from '../../bytes/base64-image.ts'
import { sniffFormat } from '../../imaging/image-header.ts'
import { sniffFacts } from '../../imaging/image-probe.ts'

/** Most images declare format and size within it. */
const HEAD_BYTES = 65_536
/** Metadata that a JPEG may put before its size. */
const MAX_HEAD_BYTES = 4_194_304
const READ_BYTES = 2 * ENCODED_AT_A_TIME

/**
 * An image in an open file, read in chunks while it is sent: concurrent requests for large images must not exhaust the
 * memory. Disposing it closes the file.
 * @throws Error if it is not a regular file, not an image, or larger than `maxBytes`
 */
export async function openStoredImage(file: FileHandle, maxBytes: number): Promise<Base64Image> {
  const stats = await file.stat()
  const { size } = stats
  if (!stats.isFile() || size > maxBytes) throw new Error('not a regular file within the limit')
  return new Base64Image(await readFacts(file, size), size, {
    chunks: () => encodedChunks(file, size),
    [Symbol.asyncDispose]: () => file.close(),
  })
}

/** Reads as little of the file as needed. */
async function readFacts(file: FileHandle, size: number): Promise<ImageFacts> {
  for (let length = Math.min(HEAD_BYTES, size); ; length = Math.min(length * 4, size)) {
    const head = await readExactly(file, 0, length)
    const facts = sniffFacts(head)
    if (facts !== undefined) return facts
    if (length === size || length >= MAX_HEAD_BYTES || sniffFormat(head) === undefined) throw new Error('not an image')
  }
}

async function* encodedChunks(file: FileHandle, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < size; at += READ_BYTES) {
    yield* encodeBase64(await readExactly(file, at, Math.min(READ_BYTES, size - at)))
  }
}

/** @throws Error if the file was truncated meanwhile, since its announced length cannot be sent */
async function readExactly(file: FileHandle, from: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length)
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, from + done)
    if (bytesRead === 0) throw new Error('the file was truncated')
    done += bytesRead
  }
  return bytes
}
