import { serviceError } from '../../errors/errors.ts'
import { mimeTypeOfName } from '../file-extension.ts'
import type { ImagePage, StoredImage } from '../image-store.ts'
import type { DirectoryHandle } from './directory-handle.ts'
import { statOf, walkFiles } from './walk-files.ts'

const MAX_CURSOR_LENGTH = 8192

/**
 * One page of the images, newest first. The cursor is the last image's position in that order, so pages stay consistent
 * while files are added and removed. Every call opens every file.
 */
export async function listImages(
  openRoot: () => Promise<DirectoryHandle>,
  cursor: string | undefined,
  limit: number,
): Promise<ImagePage> {
  const after = cursor === undefined ? undefined : parseCursor(cursor)
  const images: StoredImage[] = []
  for await (const found of walkFiles(openRoot)) {
    const mimeType = mimeTypeOfName(found.fileName)
    if (mimeType === undefined || found.fileName.startsWith('.')) continue
    const stats = await statOf(found)
    if (stats === undefined || !stats.isFile() || stats.size === 0) continue
    images.push({ name: found.name, bytes: stats.size, mimeType, modifiedAt: stats.mtimeMs })
  }
  images.sort(newestFirst)
  const rest = after === undefined ? images : images.filter((image) => newestFirst(after, image) < 0)
  const page = rest.slice(0, Math.max(1, limit))
  const last = page.at(-1)
  return last === undefined || page.length === rest.length
    ? { images: page }
    : { images: page, nextCursor: formatCursor(last) }
}

type Position = Pick<StoredImage, 'modifiedAt' | 'name'>

function newestFirst(one: Position, other: Position): number {
  if (one.modifiedAt !== other.modifiedAt) return other.modifiedAt - one.modifiedAt
  return one.name < other.name ? -1 : one.name > other.name ? 1 : 0
}

function formatCursor({ modifiedAt, name }: Position): string {
  return Buffer.from(`${modifiedAt} ${name}`).toString('base64url')
}

function parseCursor(cursor: string): Position {
  const [, modifiedAt, name] =
    /^(\d{1,16}(?:\.\d{1,16})?) ([\s\S]+)$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  if (modifiedAt === undefined || name === undefined || cursor.length > MAX_CURSOR_LENGTH) {
    throw serviceError('IMG_ERR_STORE_CURSOR', [])
  }
  return { modifiedAt: Number(modifiedAt), name }
}
