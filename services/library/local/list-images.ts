import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import path from 'node:path'
import { ENCODED_AT_A_TIME, encodeBase64 } from '../../bytes/base64-encoder.ts'
import { Base64Image, type ImageFacts } from '../../bytes/base64-image.ts'
import { temporaryNamePattern } from '../../bytes/durable-file.ts'
import { serviceError } from '../../errors/errors.ts'
import { sniffFacts } from '../../imaging/image-probe.ts'
import { mimeTypeOfName } from '../file-extension.ts'
import type { ImagePage, StoredImage } from '../image-store.ts'
import { codeOf, type Folder } from './directory-handle.ts'

/** Folders below each other that are looked into. */
const maxDepth = 32

interface FoundFile {
  folder: Folder
  /** Relative to the store, with `/`. */
  name: string
  fileName: string
}

/** Every plain file of the store. Links are passed by, as are folders that begin with a dot. */
async function* walk(folder: Folder, prefix = '', depth = 0): AsyncGenerator<FoundFile> {
  for (const entry of await folder.entries()) {
    if (entry.isFile()) yield { folder, name: prefix + entry.name, fileName: entry.name }
    if (!entry.isDirectory() || entry.name.startsWith('.') || depth === maxDepth) continue
    const inner = await folder.folder(entry.name).catch(() => undefined)
    if (inner === undefined) continue
    try {
      yield* walk(inner, `${prefix}${entry.name}/`, depth + 1)
    } finally {
      await inner.close()
    }
  }
}

async function* walkStore(openRoot: () => Promise<Folder>): AsyncGenerator<FoundFile> {
  const root = await openRoot().catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  })
  if (root === undefined) return
  try {
    yield* walk(root)
  } finally {
    await root.close()
  }
}

async function statOf({ folder, fileName }: FoundFile) {
  const file = await folder.open(fileName, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch(() => undefined)
  if (file === undefined) return undefined
  try {
    return await file.stat()
  } finally {
    await file.close()
  }
}

/**
 * One page of the images, newest first. The cursor is the last image's place in that order, so a page stays right
 * when files come and go between two calls. Costs a look at every file.
 */
export async function listImages(
  openRoot: () => Promise<Folder>,
  cursor: string | undefined,
  limit: number,
): Promise<ImagePage> {
  const after = cursor === undefined ? undefined : parseCursor(cursor)
  const images: StoredImage[] = []
  for await (const found of walkStore(openRoot)) {
    const mimeType = mimeTypeOfName(found.fileName)
    if (mimeType === undefined || found.fileName.startsWith('.')) continue
    const stats = await statOf(found)
    if (stats === undefined || !stats.isFile() || stats.size === 0) continue
    images.push({
      name: found.name,
      path: path.join(found.folder.path, found.fileName),
      bytes: stats.size,
      mimeType,
      modifiedAt: stats.mtimeMs,
    })
  }
  images.sort(newestFirst)
  const rest = after === undefined ? images : images.filter((image) => newestFirst(after, image) < 0)
  const page = rest.slice(0, Math.max(1, limit))
  const last = page.at(-1)
  return last === undefined || page.length === rest.length
    ? { images: page }
    : { images: page, nextCursor: formatCursor(last) }
}

type Place = Pick<StoredImage, 'modifiedAt' | 'name'>

function newestFirst(one: Place, other: Place): number {
  if (one.modifiedAt !== other.modifiedAt) return other.modifiedAt - one.modifiedAt
  return one.name < other.name ? -1 : one.name > other.name ? 1 : 0
}

function formatCursor({ modifiedAt, name }: Place): string {
  return Buffer.from(`${modifiedAt} ${name}`).toString('base64url')
}

function parseCursor(cursor: string): Place {
  const [, modifiedAt, name] =
    /^(\d{1,16}(?:\.\d{1,16})?) ([\s\S]+)$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  if (modifiedAt === undefined || name === undefined || cursor.length > 8192)
    throw serviceError('IMG_ERR_STORE_CURSOR', [])
  return { modifiedAt: Number(modifiedAt), name }
}

/** Bytes in which an image of most files says what it is. */
const headBytes = 65_536
/** Bytes read at a time. */
const readBytes = 2 * ENCODED_AT_A_TIME

/**
 * An image in an open file, read only as fast as it is sent: a short request must not cost the memory of a large
 * image, nor may a hundred. Disposing it closes the file.
 * @throws Error if it is no plain file, no image, or larger than `maxBytes`
 */
export async function openStoredImage(file: FileHandle, maxBytes: number): Promise<Base64Image> {
  const stats = await file.stat()
  const { size } = stats
  if (!stats.isFile() || size > maxBytes) throw new Error('not a plain file within the limit')
  return new Base64Image(await readFacts(file, size), size, {
    chunks: () => encodedChunks(file, size),
    [Symbol.asyncDispose]: () => file.close(),
  })
}

/** From as little of the file as says it. */
async function readFacts(file: FileHandle, size: number): Promise<ImageFacts> {
  for (let length = Math.min(headBytes, size); ; length = Math.min(length * 4, size)) {
    const facts = sniffFacts(await readExactly(file, 0, length))
    if (facts !== undefined) return facts
    if (length === size) throw new Error('not an image')
  }
}

async function* encodedChunks(file: FileHandle, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < size; at += readBytes) {
    yield* encodeBase64(await readExactly(file, at, Math.min(readBytes, size - at)))
  }
}

/** @throws Error if the file has become shorter: what was announced cannot be sent any more */
async function readExactly(file: FileHandle, from: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length)
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, from + done)
    if (bytesRead === 0) throw new Error('the file is shorter than it was')
    done += bytesRead
  }
  return bytes
}

/** Removes temporary files of killed processes, and nothing that is not surely one. */
export async function removeStaleFiles(openRoot: () => Promise<Folder>, olderThan: number): Promise<number> {
  let removed = 0
  for await (const found of walkStore(openRoot)) {
    if (!temporaryNamePattern.test(found.fileName)) continue
    const stats = await statOf(found)
    if (stats === undefined || stats.mtimeMs >= olderThan) continue
    await found.folder.unlink(found.fileName).then(
      () => removed++,
      () => {},
    )
  }
  return removed
}
