import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { AppError } from '../../errors/app-error.ts'
import { serviceError } from '../../errors/errors.ts'
import { checkTextLength, type LibraryFiles, type StoredEntry, type StoredFile } from '../image-store.ts'
import type { BlobFacts, Blobs } from './blobs.ts'
import type { Container } from './open-container.ts'
import { toReadError, toWriteError } from './storage-error.ts'
import { PROBE_NAME } from './storage-health.ts'

/** Entries of a list that the SDK parses at once: a tenth of a millisecond each, in which the process does nothing else. */
export const PAGE_ENTRIES = 250

/** The library's files in a container. */
export function createBlobFiles(container: Container, blobs: Blobs): LibraryFiles {
  async function open(name: string): Promise<StoredFile | undefined> {
    const facts = await blobs.stat(name).catch((error: unknown) => {
      throw toReadError(error)
    })
    return facts && openFile(name, facts)
  }

  function openFile(name: string, { bytes, modifiedAt, etag }: BlobFacts): StoredFile {
    const closed = new AbortController()
    return {
      bytes,
      modifiedAt,
      async *read(from, to) {
        if (to <= from) return
        try {
          const stream = await blobs.read(name, from, to - from, { etag, signal: closed.signal })
          yield* chunksOf(stream, to - from)
        } catch (error) {
          throw toReadError(error)
        }
      },
      async [Symbol.asyncDispose]() {
        closed.abort()
      },
    }
  }

  return {
    async create(name, image, signal) {
      const isCreated = await writing(blobs.create(name, image, signal), signal)
      if (!isCreated) throw serviceError('IMG_ERR_STORE_FAILED', [], { cause: new AppError('the blob exists') })
    },
    async writeText(name, text, signal) {
      await writing(blobs.write(name, Buffer.from(text), 'application/json; charset=utf-8', signal), signal)
    },
    async readText(name) {
      await using file = await open(name)
      if (file === undefined) return undefined
      checkTextLength(file)
      return (await buffer(file.read(0, file.bytes))).toString('utf8')
    },
    open,
    remove: (name) => writing(blobs.remove(name)),
    async *entries() {
      try {
        for await (const entry of entriesOf(container, '')) if (entry.name !== PROBE_NAME) yield entry
      } catch (error) {
        throw toReadError(error)
      }
    },
    space: async () => undefined,
  }
}

/** @throws the reason of the signal, or the error for the client */
export async function writing<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await work
  } catch (error) {
    signal?.throwIfAborted()
    throw toWriteError(error)
  }
}

/** Leaving the loop destroys the stream, and so ends the transfer. */
async function* chunksOf(stream: Readable, expected: number): AsyncGenerator<Buffer> {
  let bytes = 0
  for await (const chunk of stream) {
    if (!Buffer.isBuffer(chunk)) continue
    bytes += chunk.length
    yield chunk
  }
  if (bytes !== expected) throw new AppError('the transfer broke off')
}

/** Every blob whose name begins with `prefix`. */
export async function* entriesOf(container: Container, prefix: string): AsyncGenerator<StoredEntry> {
  const client = await container()
  const pages = client.listBlobsFlat(prefix === '' ? {} : { prefix }).byPage({ maxPageSize: PAGE_ENTRIES })
  for await (const { segment } of pages) {
    for (const { name, properties } of segment.blobItems) yield entryOf(name, properties)
  }
}

/** The blobs outside hidden folders. */
export async function* namedEntries(container: Container): AsyncGenerator<StoredEntry> {
  const folders: string[] = []
  const pages = (await container()).listBlobsByHierarchy('/').byPage({ maxPageSize: PAGE_ENTRIES })
  for await (const { segment } of pages) {
    for (const { name } of segment.blobPrefixes ?? []) if (!name.startsWith('.')) folders.push(name)
    for (const { name, properties } of segment.blobItems) yield entryOf(name, properties)
  }
  for (const folder of folders) yield* entriesOf(container, folder)
}

function entryOf(
  name: string,
  { contentLength = 0, lastModified }: { contentLength?: number; lastModified: Date },
): StoredEntry {
  return { name, bytes: contentLength, modifiedAt: lastModified.getTime() }
}
