import { serviceError } from '../errors/errors.ts'
import type { ImagePage, StoredImage } from './image-store.ts'

const MAX_CURSOR_LENGTH = 8192

/**
 * One page of the images. The cursor is the last image's position in the order, so pages stay consistent while files are
 * added and removed.
 * @param images in the order of `newestFirst`
 */
export function pageOf(images: readonly StoredImage[], cursor: string | undefined, limit: number): ImagePage {
  const first = cursor === undefined ? 0 : firstAfter(images, parseCursor(cursor))
  const page = images.slice(first, first + Math.max(1, limit))
  const last = page.at(-1)
  return last === undefined || first + page.length === images.length
    ? { images: page }
    : { images: page, nextCursor: formatCursor(last) }
}

type Position = Pick<StoredImage, 'modifiedAt' | 'name'>

export function newestFirst(one: Position, other: Position): number {
  if (one.modifiedAt !== other.modifiedAt) return other.modifiedAt - one.modifiedAt
  return one.name < other.name ? -1 : one.name > other.name ? 1 : 0
}

function firstAfter(images: readonly StoredImage[], position: Position): number {
  const index = images.findIndex((image) => newestFirst(position, image) < 0)
  return index === -1 ? images.length : index
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
