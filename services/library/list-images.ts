import { hash } from 'node:crypto'
import { serviceError } from '../errors/errors.ts'
import type { ImagePage, StoredImage } from './image-store.ts'

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

/** The name as a digest: the last image of a page may be one that its reader must not know. */
interface Position {
  modifiedAt: number
  digest: string
}

export function newestFirst(one: StoredImage, other: StoredImage): number {
  if (one.modifiedAt !== other.modifiedAt) return other.modifiedAt - one.modifiedAt
  return one.name < other.name ? -1 : one.name > other.name ? 1 : 0
}

/** If the image has been removed since, others of exactly its time are on both pages. */
function firstAfter(images: readonly StoredImage[], { modifiedAt, digest }: Position): number {
  const first = images.findIndex((image) => image.modifiedAt <= modifiedAt)
  if (first === -1) return images.length
  for (let at = first; images[at]?.modifiedAt === modifiedAt; at++) {
    if (digestOf(images[at]) === digest) return at + 1
  }
  return first
}

function digestOf(image: StoredImage | undefined): string {
  return hash('sha256', image?.name ?? '').slice(0, 16)
}

function formatCursor(image: StoredImage): string {
  return `${image.modifiedAt}-${digestOf(image)}`
}

function parseCursor(cursor: string): Position {
  const [, modifiedAt, digest] = /^(\d{1,16}(?:\.\d{1,16})?)-([0-9a-f]{16})$/.exec(cursor) ?? []
  if (modifiedAt === undefined || digest === undefined) throw serviceError('IMG_ERR_STORE_CURSOR', [])
  return { modifiedAt: Number(modifiedAt), digest }
}
