import type { ImageRecord } from '../../../schemas/image-record.ts'
import { positionOfTime } from '../image-id.ts'

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

/** Which unnamed images to list. */
export interface UnnamedQuery {
  /** Absent: of every owner. */
  owner?: string | undefined
  /** Created before it, milliseconds since 1970. */
  before?: number | undefined
  /** Images of a page, at least 1. */
  limit: number
  /** Of the previous page. */
  cursor?: string | undefined
}

/**
 * An index of the records of all images, which can be rebuilt from the files beside them. Implementations find the same
 * images in the same order and pass the same tests. Every call may throw `DatabaseUnavailableError`, after about a second.
 */
export interface RecordIndex extends AsyncDisposable {
  /** Adds records, or replaces those with the same ids. All or none are added. */
  put(records: readonly ImageRecord[]): Promise<void>
  get(id: string): Promise<ImageRecord | undefined>
  /** Those of the ids that it does not have. */
  missing(ids: readonly string[]): Promise<string[]>
  /** @returns whether there was one */
  remove(id: string): Promise<boolean>
  /** The same, unless the image has got a name meanwhile. */
  removeUnnamed(id: string): Promise<boolean>
  /** @throws InvalidCursorError */
  find(query: RecordQuery): Promise<RecordPage>
  /** Bytes of unnamed images by owner, most bytes first: what retention limits. */
  unnamedBytes(): Promise<{ owner: string; bytes: number }[]>
  /** Unnamed images, oldest first, page by page. */
  oldestUnnamed(query: UnnamedQuery): Promise<RecordPage>
  /**
   * Runs `work`, unless another process that shares the index is running some.
   * @throws what `work` throws
   */
  alone(work: () => Promise<void>): Promise<void>
  /** To be called after many changes, so that searches stay fast. */
  optimize(): Promise<void>
}

/** A cursor that no page returned. */
export class InvalidCursorError extends Error {}

/** The positions among which a query searches: from the first to before the second. @throws InvalidCursorError */
export function rangeOf({ since, until, cursor }: RecordQuery): { from: number; end: number } {
  const from = since === undefined ? 0 : positionOfTime(since)
  const end = until === undefined ? Number.MAX_SAFE_INTEGER : positionOfTime(until)
  return { from, end: cursor === undefined ? end : Math.min(end, fromCursor(cursor)) }
}

/** The same for a list of the oldest ones: from after the first to before the second. @throws InvalidCursorError */
export function unnamedRangeOf({ before, cursor }: UnnamedQuery): { after: number; end: number } {
  const end = before === undefined ? Number.MAX_SAFE_INTEGER : positionOfTime(before)
  return { after: cursor === undefined ? -1 : fromCursor(cursor), end }
}

/** A page of what was found, of which there is one more than `limit` if another page follows. */
export function toPage(found: readonly { position: number; record: ImageRecord }[], limit: number): RecordPage {
  const page = found.slice(0, limit)
  const last = found.length > limit ? page.at(-1) : undefined
  return {
    records: page.map(({ record }) => record),
    ...(last === undefined ? {} : { nextCursor: toCursor(last.position) }),
  }
}

/** A position in a list as an opaque text. */
function toCursor(position: number): string {
  return position.toString(36)
}

/** @throws InvalidCursorError */
function fromCursor(cursor: string): number {
  const position = /^[0-9a-z]{1,11}$/.test(cursor) ? Number.parseInt(cursor, 36) : Number.NaN
  if (!Number.isSafeInteger(position)) throw new InvalidCursorError('unknown cursor')
  return position
}
