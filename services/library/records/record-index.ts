import type { ImageRecord } from '../../../schemas/image-record.ts'

/** Which images to find; all members must match. */
export interface RecordQuery {
  /** Absent: of every owner. */
  owner?: string | undefined
  /** Words of the prompt, the tags or the name, in any order. */
  text?: string | undefined
  tags?: readonly string[] | undefined
  model?: string | undefined
  /** Id of an image from which the found ones were made directly. */
  parent?: string | undefined
  /** Name of a named image in the store; names that differ in case or Unicode form only match, as some file systems take them for one. */
  location?: string | undefined
  /** Milliseconds since 1970, inclusive. */
  since?: number | undefined
  /** Milliseconds since 1970, exclusive. */
  until?: number | undefined
  /** Images of a page, at least 1. */
  limit: number
  /** Of the previous page. */
  cursor?: string | undefined
}

export interface RecordPage {
  /** Newest first. */
  records: ImageRecord[]
  /** The cursor of the next page; absent on the last. */
  nextCursor?: string
}

/**
 * An index of the records of all images, which can be rebuilt from the files beside them. Implementations find the same
 * images in the same order and pass the same tests.
 */
export interface RecordIndex extends AsyncDisposable {
  /** Adds records, or replaces those with the same ids. All or none are added. */
  put(records: readonly ImageRecord[]): Promise<void>
  get(id: string): Promise<ImageRecord | undefined>
  /** @returns whether there was one */
  remove(id: string): Promise<boolean>
  /** @throws InvalidCursorError */
  find(query: RecordQuery): Promise<RecordPage>
  /** Bytes of unnamed images by owner, most bytes first: what retention limits. */
  unnamedBytes(): Promise<{ owner: string; bytes: number }[]>
  /** The oldest unnamed images, of one owner or of all. @param before created before it, milliseconds since 1970 */
  oldestUnnamed(filter: { owner?: string; before?: number }, limit: number): Promise<ImageRecord[]>
}

/** A cursor that no page returned. */
export class InvalidCursorError extends Error {}

/** A position in a list as an opaque text. */
export function toCursor(position: number): string {
  return position.toString(36)
}

/** @throws InvalidCursorError */
export function fromCursor(cursor: string): number {
  const position = /^[0-9a-z]{1,11}$/.test(cursor) ? Number.parseInt(cursor, 36) : Number.NaN
  if (!Number.isSafeInteger(position)) throw new InvalidCursorError('unknown cursor')
  return position
}
