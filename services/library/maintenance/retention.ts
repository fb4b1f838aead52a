import { setImmediate } from 'node:timers/promises'
import type { ImageRecord } from '../../../schemas/image-record.ts'
import { timeOfId } from '../image-id.ts'
import type { LibraryFiles } from '../image-store.ts'
import { isAtItsPlace, recordName } from '../locations.ts'
import type { RecordIndex } from '../records/record-index.ts'
import type { Stored } from './reindex.ts'
import { removeUnnamedImage } from './remove-unnamed-image.ts'

/** How long images without a name are stored, and how many. 0 sets no limit. */
export interface RetentionLimits {
  ttlMs: number
  maxBytes: number
}

export interface RetentionOptions extends RetentionLimits {
  /** Milliseconds since 1970. */
  now?: number
  /** Removes nothing. */
  isDryRun?: boolean
  /** Images that are removed at most; the next run continues. */
  maxRemovals?: number
  signal?: AbortSignal
  /** For each image that is, or would be, removed. */
  onRemoved?: (record: ImageRecord) => void
}

export interface Retained {
  removed: number
  removedBytes: number
  /** Of the unnamed images that stay. */
  bytes: number
}

/** Space that is never used: the smaller one of 1 GiB and a tenth of the disk. */
const MIN_FREE_BYTES = 1_073_741_824
const MIN_FREE_SHARE = 0.1

const PAGE = 32
/** Images that cannot be removed, before a run is given up. */
const MAX_FAILURES = 10

/**
 * Removes unnamed images that are too old, then, while all together are too large or the disk is too full, the oldest one of
 * the owner with most bytes. Images with a name are never removed.
 * @throws the reason of the signal; DatabaseUnavailableError, ServiceError `IMG_ERR_STORE_UNWRITABLE`, `_FAILED` if an image
 *   could not be removed, after the others have been
 */
export async function applyRetention(stored: Stored, options: RetentionOptions): Promise<Retained> {
  const { isDryRun = false, maxRemovals = Number.POSITIVE_INFINITY, signal, onRemoved } = options
  const totals = new Map((await stored.index.unnamedBytes()).map(({ owner, bytes }) => [owner, bytes]))
  const result: Retained = { removed: 0, removedBytes: 0, bytes: sum(totals.values()) }
  const failures: unknown[] = []
  for await (const record of overdue(stored, totals, options)) {
    signal?.throwIfAborted()
    if (!isAtItsPlace(record, recordName(record)) || record.isNamed) continue
    try {
      if (!isDryRun) await removeUnnamedImage(stored, record)
    } catch (error) {
      // One folder may be read-only; a store that is down would fail for every image.
      if (failures.push(error) === MAX_FAILURES) break
      continue
    }
    onRemoved?.(record)
    result.removed++
    result.removedBytes += record.bytes
    result.bytes -= record.bytes
    if (result.removed === maxRemovals) break
    await setImmediate()
  }
  if (failures.length > 0) throw failures[0]
  return result
}

/** @param totals bytes of unnamed images by owner; reduced by what is overdue */
async function* overdue(
  { files, index }: Stored,
  totals: Map<string, number>,
  { ttlMs, maxBytes, now = Date.now() }: RetentionOptions,
): AsyncGenerator<ImageRecord> {
  const take = ({ owner, bytes }: ImageRecord) => totals.set(owner, (totals.get(owner) ?? 0) - bytes)
  const oldest = ttlMs === 0 ? 0 : now - ttlMs
  let freed = 0
  for await (const record of unnamed(index, undefined, oldest)) {
    take(record)
    freed += record.bytes
    yield record
  }
  const excess = maxBytes === 0 ? 0 : sum(totals.values()) - maxBytes
  let surplus = Math.max(excess, (await missingSpace(files)) - freed)
  const lists = new Map<string, AsyncGenerator<ImageRecord>>()
  while (surplus > 0) {
    const owner = largest(totals)
    if (owner === undefined) return
    const list = lists.get(owner) ?? unnamed(index, owner)
    lists.set(owner, list)
    const { value: record } = await list.next()
    if (record === undefined) {
      totals.delete(owner)
      continue
    }
    // In a dry run those that are too old are still there.
    if (timeOfId(record.id) < oldest) continue
    take(record)
    surplus -= record.bytes
    yield record
  }
}

async function* unnamed(index: RecordIndex, owner?: string, before?: number): AsyncGenerator<ImageRecord> {
  for (let cursor: string | undefined, isLast = before === 0; !isLast; isLast = cursor === undefined) {
    const { records, nextCursor } = await index.oldestUnnamed({ owner, before, limit: PAGE, cursor })
    yield* records
    cursor = nextCursor
  }
}

/** Bytes that must become free; the disk of a store without a limit, or that does not tell, has enough. */
async function missingSpace(files: LibraryFiles): Promise<number> {
  const space = await files.space()
  if (space === undefined) return 0
  return Math.min(MIN_FREE_BYTES, space.totalBytes * MIN_FREE_SHARE) - space.freeBytes
}

function largest(totals: ReadonlyMap<string, number>): string | undefined {
  let largest: string | undefined
  for (const [owner, bytes] of totals) {
    if (largest === undefined || bytes > (totals.get(largest) ?? 0)) largest = owner
  }
  return largest
}

function sum(numbers: Iterable<number>): number {
  let total = 0
  for (const number of numbers) total += number
  return total
}
