import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, readdir, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { durableFlags, durableUpdateFlags, waitForDisk, writeAll } from '../bytes/durable-file.ts'
import { createEncodedImage, type EncodedImage } from '../bytes/base64-image.ts'

/**
 * Results on disk, one a file: a line of JSON that says what it is, then the base64 text of its pictures as it is. A
 * file has its name only once it is whole and on the disk.
 */

const MAX_HEADER_BYTES = 65_536
const KEPT = '.kept'
const TEMPORARY = '.part'
/** Replicas may share the folder, so a younger one may be another's that is being written. */
const STALE_MS = 3_600_000

const HeaderSchema = Type.Object({
  version: Type.Literal(1),
  /** Hash of caller, tool and arguments. */
  fingerprint: Type.String({ maxLength: 64 }),
  /** Hash of who may have it. */
  owner: Type.String({ maxLength: 64 }),
  /** Wall clock, because it is read by another process. */
  expiresAt: Type.Integer(),
  /** Whether it was sent and may have been received. */
  isUnproven: Type.Optional(Type.Boolean()),
  texts: Type.Array(Type.String(), { maxItems: 64 }),
  images: Type.Array(
    Type.Object({
      mimeType: Type.Enum(['image/png', 'image/jpeg', 'image/webp', 'image/gif']),
      width: Type.Integer({ minimum: 1 }),
      height: Type.Integer({ minimum: 1 }),
      bytes: Type.Integer({ minimum: 0 }),
      encodedBytes: Type.Integer({ minimum: 0 }),
    }),
    { maxItems: 64 },
  ),
})
const headers = Compile(HeaderSchema)

export type KeptHeader = Static<typeof HeaderSchema>

export interface KeptFile {
  header: KeptHeader
  path: string
  /** Of the whole file. */
  size: number
  /** Where the pictures begin. */
  start: number
}

export interface Keepable extends Pick<KeptHeader, 'fingerprint' | 'owner' | 'expiresAt' | 'isUnproven'> {
  texts: string[]
  images: readonly EncodedImage[]
}

/** Writes a result. The pictures are read, not released. */
export async function writeKept(folder: string, { images, ...facts }: Keepable): Promise<KeptFile> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  // A link would take the pictures elsewhere.
  if (!(await lstat(folder)).isDirectory()) throw new Error('the folder of undelivered pictures is not a folder')
  const header: KeptHeader = {
    version: 1,
    ...facts,
    images: images.map(({ mimeType, width, height, bytes, encodedBytes }) => ({
      mimeType,
      width,
      height,
      bytes,
      encodedBytes,
    })),
  }
  const line = Buffer.from(`${JSON.stringify(header)}\n`)
  if (line.length > MAX_HEADER_BYTES) throw new Error('the texts of a result are too long to be kept')
  const path = join(folder, randomUUID())
  const file = await open(path + TEMPORARY, durableFlags, 0o600)
  try {
    await writeAll(file, line)
    for (const image of images) for await (const chunk of image.chunks()) await writeAll(file, chunk)
    await waitForDisk(file)
    const { size } = await file.stat()
    await file.close()
    await rename(path + TEMPORARY, path + KEPT)
    return { header, path: path + KEPT, size, start: line.length }
  } catch (error) {
    await file.close().catch(() => {})
    await removeKept(path + TEMPORARY)
    throw error
  }
}

/**
 * Makes an unproven result an abandoned one, which is stored longer. In place, since a response may be reading the images:
 * the new line of JSON is shorter, and blanks fill it up.
 */
export async function promoteKept(kept: KeptFile, expiresAt: number): Promise<KeptFile> {
  const { isUnproven: _, ...rest } = kept.header
  const header = { ...rest, expiresAt }
  const line = Buffer.alloc(kept.start, ' ')
  if (line.write(`${JSON.stringify(header)}`) >= line.length)
    throw new Error('the new header is longer than the old one')
  line.write('\n', line.length - 1)
  const file = await open(kept.path, durableUpdateFlags)
  try {
    await writeAll(file, line, 0)
    await waitForDisk(file)
  } finally {
    await file.close()
  }
  return { ...kept, header }
}

/** The pictures of a file, read when they are sent. Releasing them does nothing: the file is another matter. */
export function readKept({ header, path, start }: KeptFile): EncodedImage[] {
  let at = start
  return header.images.map(({ encodedBytes, bytes, ...facts }) => {
    const from = at
    at += encodedBytes
    return createEncodedImage(facts, bytes, {
      // Opened only when it is read.
      async *chunks() {
        yield* createReadStream(path, { start: from, end: from + encodedBytes - 1 })
      },
      release: async () => {},
    })
  })
}

/** Removes a file; one that is gone already is as good. */
export async function removeKept(path: string): Promise<void> {
  await unlink(path).catch(() => {})
}

/** What an earlier process kept. Files that are torn, foreign or stale are removed. */
export async function findKept(folder: string, now: number): Promise<KeptFile[]> {
  const names = await readdir(folder).catch(() => [])
  const found: KeptFile[] = []
  for (const name of names) {
    const path = join(folder, name)
    if (name.endsWith(KEPT)) {
      const kept = await open(path, 'r')
        .then(readHead)
        .catch(() => undefined)
      if (kept === undefined || kept.header.expiresAt <= now) await removeKept(path)
      else found.push({ ...kept, path })
    } else if (name.endsWith(TEMPORARY)) {
      const { mtimeMs } = await lstat(path).catch(() => ({ mtimeMs: now }))
      if (now - mtimeMs > STALE_MS) await removeKept(path)
    }
  }
  return found
}

/** Undefined: the file is not whole, or none of ours. */
async function readHead(file: FileHandle): Promise<Omit<KeptFile, 'path'> | undefined> {
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
