import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import type { BlobHTTPHeaders } from '@azure/storage-blob'
import type { BufferPool } from '../../bytes/buffer-pool.ts'
import type { FileSource } from '../image-store.ts'
import type { Container } from './open-container.ts'
import { toStorageError } from './storage-error.ts'

/** Milliseconds for one operation with its repetitions, where the caller sets no shorter limit. */
export const OPERATION_MS = 30_000
/** Images are never replaced; records are, when their tags change. */
const cacheControlOf = (mimeType: string): string =>
  mimeType.startsWith('image/') ? 'private, max-age=31536000, immutable' : 'no-cache'
/** Bytes decoded at a time: many uploads may run at once, each with chunks on their way to the network. */
const CHUNK_BYTES = 131_072
/** Milliseconds after a given-up upload at which its blob is looked for: Azure may finish what the service has given up. */
const DISCARD_AFTER_MS = [1_000, 10_000]

export interface BlobFacts {
  bytes: number
  /** Milliseconds since 1970. */
  modifiedAt: number
  etag: string
  /** Of the upload that created it. */
  uploadId: string | undefined
}

/** The blobs of one container. Every operation has a time limit, and throws what `toStorageError` reads, or the signal's reason. */
export interface Blobs {
  /** Whether the blob was created; `false`: there is another one of this name, which stays as it is. */
  create(name: string, image: FileSource, signal?: AbortSignal): Promise<boolean>
  /** Replaces a blob, or creates it. */
  write(name: string, content: Buffer, contentType: string, signal?: AbortSignal): Promise<void>
  /** Undefined: there is none. */
  stat(name: string, signal?: AbortSignal): Promise<BlobFacts | undefined>
  /**
   * A range of the version that `etag` names. Destroying the stream, or the signal, ends the transfer.
   * @throws an error also if the blob has been replaced or removed
   */
  read(name: string, from: number, bytes: number, version: { etag: string; signal: AbortSignal }): Promise<Readable>
  /** Succeeds without the blob. */
  remove(name: string, signal?: AbortSignal): Promise<void>
}

const limited = (ms: number, signal?: AbortSignal): AbortSignal =>
  signal === undefined ? AbortSignal.timeout(ms) : AbortSignal.any([signal, AbortSignal.timeout(ms)])

/** @param onDenied is called after a write without access */
export function createBlobs(container: Container, pool: BufferPool, onDenied: () => void): Blobs {
  async function writing<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (error) {
      if (toStorageError(error).kind === 'denied') onDenied()
      throw error
    }
  }

  async function stat(name: string, signal?: AbortSignal): Promise<BlobFacts | undefined> {
    try {
      const options = { abortSignal: limited(OPERATION_MS, signal) }
      const found = await (await container()).getBlobClient(name).getProperties(options)
      const { contentLength: bytes = 0, lastModified, etag = '', metadata } = found
      return { bytes, modifiedAt: lastModified?.getTime() ?? 0, etag, uploadId: metadata?.[UPLOAD_KEY] }
    } catch (error) {
      if (toStorageError(error).kind === 'missing') return undefined
      throw error
    }
  }

  /** Removes a blob that a given-up upload may have created. Another one of that name stays. */
  async function discard(name: string, uploadId: string): Promise<void> {
    const found = await stat(name)
    if (found?.uploadId !== uploadId) return
    const conditions = { ifMatch: found.etag }
    const client = (await container()).getBlobClient(name)
    await client.delete({ conditions, abortSignal: limited(OPERATION_MS) })
  }

  function discardLater(name: string, uploadId: string): void {
    for (const ms of DISCARD_AFTER_MS) setTimeout(() => discard(name, uploadId).catch(() => {}), ms).unref()
  }

  async function create(name: string, image: FileSource, signal?: AbortSignal): Promise<boolean> {
    const uploadId = randomBytes(16).toString('hex')
    let isSent = false
    const body = () => bodyOf(image, pool, () => (isSent = true))
    try {
      const upload = (await container()).getBlockBlobClient(name).upload(body, image.bytes, {
        conditions: { ifNoneMatch: '*' },
        metadata: { [UPLOAD_KEY]: uploadId },
        blobHTTPHeaders: { blobContentType: image.mimeType, blobCacheControl: cacheControlOf(image.mimeType) },
        abortSignal: limited(OPERATION_MS, signal),
      })
      await writing(upload)
      return true
    } catch (error) {
      // The response to a first attempt may have been lost: then the second one finds the blob of the first.
      if (toStorageError(error).kind === 'taken') return (await stat(name, signal))?.uploadId === uploadId
      if (isSent) discardLater(name, uploadId)
      throw error
    }
  }

  return {
    create,
    async write(name, content, contentType, signal) {
      const blobHTTPHeaders: BlobHTTPHeaders = { blobContentType: contentType, blobCacheControl: 'no-cache' }
      const options = { blobHTTPHeaders, abortSignal: limited(OPERATION_MS, signal) }
      await writing((await container()).getBlockBlobClient(name).upload(content, content.length, options))
    },
    stat,
    async read(name, from, bytes, { etag, signal }) {
      // No limit for the whole: a client may read slowly. The transport limits the time without a byte.
      const { readableStreamBody: body } = await (await container())
        .getBlobClient(name)
        .download(from, bytes, { conditions: { ifMatch: etag }, maxRetryRequests: 2, abortSignal: signal })
      if (!(body instanceof Readable)) throw new Error('the response has no body')
      return body
    },
    async remove(name, signal) {
      const options = { deleteSnapshots: 'include', abortSignal: limited(OPERATION_MS, signal) } as const
      await (await container())
        .getBlobClient(name)
        .delete(options)
        .catch((error: unknown) => {
          if (toStorageError(error).kind !== 'missing') throw error
        })
    },
  }
}

const UPLOAD_KEY = 'upload'

/** The file as a stream of its own memory: the source reuses a chunk while the socket may still be sending it. */
function bodyOf(image: FileSource, pool: BufferPool, onEnd: () => void): Readable {
  async function* copies(): AsyncGenerator<Buffer> {
    for await (const chunk of image.decoded(pool, CHUNK_BYTES)) yield Buffer.from(chunk)
    onEnd()
  }
  return Readable.from(copies(), { objectMode: false })
}
