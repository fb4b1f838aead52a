import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import path from 'node:path'
import { serviceError } from '../errors.ts'
import { type EncodedImage, holdImage } from './encoded-image.ts'
import { codeOf, type Folder } from './folder.ts'
import { type HeldBytes, temporaryNamePattern } from './held-bytes.ts'
import { mimeTypeOfName } from './image-names.ts'
import { sniffFacts } from './image-probe.ts'
import type { ImagePage, StoredImage } from './image-store.ts'

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
 * One page of the pictures, newest first. The cursor is the last picture's place in that order, so a page stays right
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

/**
 * Reads a picture from an open file.
 * @throws Error if it is no plain file, no picture, or larger than `maxBytes`
 */
export async function readStoredImage(file: FileHandle, held: HeldBytes, maxBytes: number): Promise<EncodedImage> {
  const stats = await file.stat()
  if (!stats.isFile() || stats.size > maxBytes) throw new Error('not a plain file within the limit')
  const buffer = Buffer.allocUnsafeSlow(stats.size)
  const { bytesRead } = await file.read(buffer, 0, buffer.length, 0)
  const bytes = buffer.subarray(0, bytesRead)
  const facts = sniffFacts(bytes)
  if (facts === undefined) throw new Error('not a picture')
  return holdImage(bytes, facts, held)
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
