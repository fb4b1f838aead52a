import { TEMPORARY_STALE_MS } from '../../bytes/durable-file.ts'
import type { LibraryFiles } from '../image-store.ts'
import { idOfRecordName, unnamedRecordName } from '../locations.ts'
import { type Problem, verify } from './verify.ts'

export interface PruneOptions {
  files: LibraryFiles
  /** Removes nothing. */
  isDryRun: boolean
  /** Milliseconds for which a file stays that may still be written, or whose record may still come. */
  keepMs?: number
}

/**
 * Removes what no one can use any more: images without a name that have no record, records of such images that are gone, and
 * temporary files, all older than an hour. Never touches images with a name, and what is not the library's.
 * @returns what was, or would be, removed
 * @throws ServiceError `IMG_ERR_STORE_UNREADABLE`, `_UNWRITABLE`, `_FAILED`
 */
export async function* removeOrphans({
  files,
  isDryRun,
  keepMs = TEMPORARY_STALE_MS,
}: PruneOptions): AsyncGenerator<Problem> {
  for await (const problem of verify({ files, recentMs: keepMs })) {
    if (problem.isRecent || !isOrphan(problem)) continue
    if (!isDryRun) await files.remove(problem.name)
    yield problem
  }
}

function isOrphan({ kind, name }: Problem): boolean {
  if (kind !== 'no-image') return kind === 'no-record' || kind === 'temporary'
  const id = idOfRecordName(name)
  return id !== undefined && name === unnamedRecordName(id)
}
