import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, lstat, mkdir, open, readdir, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { Base64Image, imageMimeTypes } from '../bytes/base64-image.ts'
import { durableFlags, durableUpdateFlags, TEMPORARY_STALE_MS, waitForDisk, writeAll } from '../bytes/durable-file.ts'
import type { ResourceLink } from './types.ts'

/**
 * Results on disk, one per file: a line of JSON that describes it, then the base64 text of its images. A file gets its
 * name only once it is complete and on disk. The name begins with a hash of the call that may have it, so that another
 * process on the same folder finds it.
 */

/** Ten images of the longest names, in a text and a link each, take a fifth of it. */
const MAX_HEADER_BYTES = 1_048_576
export const RESULT_EXTENSION = '.result'
const TEMPORARY = '.part'
/** Bytes of a file that are read at a time. */
const CHUNK_BYTES = 262_144

const HeaderSchema = Type.Object({
  version: Type.Literal(1),
  /** Hash of caller, tool and arguments. */
  fingerprint: Type.String({ maxLength: 64 }),
  /** Hash of the caller that may have it. */
  owner: Type.String({ maxLength: 64 }),
  /** Hash of whose part of the space it takes; absent in files of earlier versions. */
  share: Type.Optional(Type.String({ maxLength: 64 })),
  /** Wall clock, because it is read by another process. */
  expiresAt: Type.Integer(),
  /** Whether it was sent and may have been received. */
  isUnproven: Type.Optional(Type.Boolean()),
  /** The text, then the notes. */
  texts: Type.Array(Type.String(), { maxItems: 64 }),
  /** Absent in files of earlier versions. */
  links: Type.Optional(
    Type.Array(
      Type.Object({
        type: Type.Literal('resource_link'),
        uri: Type.String(),
        name: Type.String(),
        title: Type.Optional(Type.String()),
        mimeType: Type.Optional(Type.String()),
        size: Type.Optional(Type.Integer({ minimum: 0 })),
      }),
      { maxItems: 64 },
    ),
  ),
  /** Of a call that became a job. */
  jobId: Type.Optional(Type.String({ maxLength: 64 })),
  images: Type.Array(
    Type.Object({
      mimeType: Type.Enum([...imageMimeTypes]),
      width: Type.Integer({ minimum: 1 }),
      height: Type.Integer({ minimum: 1 }),
      bytes: Type.Integer({ minimum: 0 }),
      encodedBytes: Type.Integer({ minimum: 0 }),
    }),
    { maxItems: 64 },
  ),
})
const headers = Compile(HeaderSchema)

export type ResultHeader = Static<typeof HeaderSchema>

export interface ResultFile {
  header: ResultHeader
  /** Changes when the file is claimed or released. */
  path: string
  /** Bytes of the whole file. */
  size: number
  /** Where the images begin. */
  start: number
}

export interface StorableResult
  extends Pick<ResultHeader, 'fingerprint' | 'owner' | 'share' | 'expiresAt' | 'isUnproven'> {
  texts: string[]
  links: readonly ResourceLink[]
  jobId?: string | undefined
  images: readonly Base64Image[]
}

/** What the names of all results of a call begin with. */
export function namePrefix({ owner, fingerprint }: Pick<ResultHeader, 'owner' | 'fingerprint'>): string {
  return `${createHash('sha256').update(`${owner}:${fingerprint}`).digest('hex').slice(0, 32)}-`
}

/**
 * Writes a result. The images are read, not released.
 * @param extension of the complete file; called when it is on disk
 */
export async function writeResult(
  folder: string,
  { images, links, jobId, ...facts }: StorableResult,
  extension: () => string = () => RESULT_EXTENSION,
): Promise<ResultFile> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  // A symbolic link would lead the images elsewhere.
  if (!(await lstat(folder)).isDirectory()) throw new Error('the folder of stored results is not a folder')
  const header: ResultHeader = {
    version: 1,
    ...facts,
    links: [...links],
    ...(jobId === undefined ? {} : { jobId }),
    images: images.map(({ mimeType, width, height, bytes, encodedBytes }) => ({
      mimeType,
      width,
      height,
      bytes,
      encodedBytes,
    })),
  }
  const line = Buffer.from(`${JSON.stringify(header)}\n`)
  if (line.length > MAX_HEADER_BYTES) throw new Error('the texts of a result are too long to be stored')
  const base = join(folder, namePrefix(facts) + randomUUID())
  const file = await open(base + TEMPORARY, durableFlags, 0o600)
  try {
    await writeAll(file, line)
    for (const image of images) for await (const chunk of image.chunks()) await writeAll(file, chunk)
    await waitForDisk(file)
    const { size } = await file.stat()
    await file.close()
    const path = base + extension()
    await rename(base + TEMPORARY, path)
    return { header, path, size, start: line.length }
  } catch (error) {
    await file.close().catch(() => {})
    await removeResult(base + TEMPORARY)
    throw error
  }
}

/**
 * Turns an unproven result into an abandoned one, which is stored longer. In place, because a response may be reading the
 * images: the new line of JSON is shorter and padded with blanks.
 */
export async function promoteResult(stored: ResultFile, expiresAt: number): Promise<void> {
  const { isUnproven: _, ...rest } = stored.header
  const header = { ...rest, expiresAt }
  const line = Buffer.alloc(stored.start, ' ')
  if (line.write(`${JSON.stringify(header)}`) >= line.length)
    throw new Error('the new header is longer than the old one')
  line.write('\n', line.length - 1)
  const file = await open(stored.path, durableUpdateFlags)
  try {
    await writeAll(file, line, 0)
    await waitForDisk(file)
  } finally {
    await file.close()
  }
  stored.header = header
}

/**
 * Opens the images of a file, which are read when they are sent, also if the file has been removed meanwhile. The receiver
 * must dispose all of them. Undefined: the file is gone or incomplete.
 */
export async function openImages({ header, path, start, size }: ResultFile): Promise<Base64Image[] | undefined> {
  const file = await open(path, 'r').catch(() => undefined)
  if (file === undefined) return undefined
  if ((await file.stat()).size !== size || header.images.length === 0) {
    await file.close()
    return header.images.length === 0 ? [] : undefined
  }
  let at = start
  let unread = header.images.length
  return header.images.map(({ encodedBytes, bytes, ...facts }) => {
    const from = at
    at += encodedBytes
    return new Base64Image(facts, bytes, {
      chunks: () => readPart(file, from, from + encodedBytes),
      async [Symbol.asyncDispose]() {
        if (--unread === 0) await file.close()
      },
    })
  })
}

async function* readPart(file: FileHandle, from: number, to: number): AsyncGenerator<Buffer> {
  for (let at = from; at < to; ) {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, to - at))
    const { bytesRead } = await file.read(chunk, 0, chunk.length, at)
    if (bytesRead === 0) throw new Error('a stored result has become shorter')
    at += bytesRead
    yield chunk.subarray(0, bytesRead)
  }
}

/** Removes a file, if it exists. */
export async function removeResult(path: string): Promise<void> {
  await unlink(path).catch(() => {})
}

/** What an earlier process stored, in the order in which it expires. Incomplete, expired and stale temporary files are removed. */
export async function findResults(folder: string, now: number): Promise<ResultFile[]> {
  const names = await readdir(folder).catch(() => [])
  const found: ResultFile[] = []
  for (const name of names) {
    const path = join(folder, name)
    if (name.endsWith(RESULT_EXTENSION)) {
      const stored = await readFileHead(path)
      if (stored === undefined || stored.header.expiresAt <= now) await removeResult(path)
      else found.push(stored)
    } else if (name.endsWith(TEMPORARY)) {
      const { mtimeMs } = await lstat(path).catch(() => ({ mtimeMs: now }))
      if (now - mtimeMs > TEMPORARY_STALE_MS) await removeResult(path)
    }
  }
  return found.sort((a, b) => a.header.expiresAt - b.header.expiresAt)
}

/** Undefined: there is no such file, it is incomplete, or not a stored result. */
export async function readFileHead(path: string): Promise<ResultFile | undefined> {
  const head = await open(path, 'r')
    .then(readHead)
    .catch(() => undefined)
  return head && { ...head, path }
}

/** Undefined: the file is incomplete, or not a stored result. */
async function readHead(file: FileHandle): Promise<Omit<ResultFile, 'path'> | undefined> {
  try {
    const { size } = await file.stat()
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(size, MAX_HEADER_BYTES)))
    const end = buffer.subarray(0, bytesRead).indexOf('\n')
    if (end === -1) return undefined
    const header: unknown = JSON.parse(buffer.toString('utf8', 0, end))
    if (!headers.Check(header)) return undefined
    const start = end + 1
    const expected = header.images.reduce((sum, { encodedBytes }) => sum + encodedBytes, start)
    return expected === size ? { header, size, start } : undefined
  } finally {
    await file.close()
  }
}
