import { imageMimeTypes } from '../../bytes/base64-image.ts'
import { TEMPORARY_STALE_MS } from '../../bytes/durable-file.ts'
import type { LibraryFiles } from '../image-store.ts'
import { idOfRecordName, unnamedLocation, unnamedRecordName } from '../locations.ts'
import { exists } from './reindex.ts'
import { type Problem, verify } from './verify.ts'

export interface PruneOptions {
  files: LibraryFiles
  /** Removes nothing. */
  isDryRun: boolean
  /** Milliseconds for which a file stays that may still be written, or whose record may still come. */
  keepMs?: number
}

/**
 * Removes what no one can use any more: images without a name that have no record, records of such images that are gone, torn
 * records, and temporary files, all older than an hour. Never touches images with a name, and what is not the library's.
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
    for (const orphan of [problem, ...(await imagesWithout(problem, files))]) {
      if (!isDryRun) await files.remove(orphan.name)
      yield orphan
    }
  }
}

/** The image of a torn record, which has none without it; its format is not known. */
async function imagesWithout({ kind, name }: Problem, files: LibraryFiles): Promise<Problem[]> {
  const id = idOfRecordName(name)
  if (kind !== 'torn-record' || id === undefined || name !== unnamedRecordName(id)) return []
  const images = imageMimeTypes.map((mimeType) => unnamedLocation(id, mimeType))
  const isThere = await Promise.all(images.map((image) => exists(files, image)))
  return images
    .filter((_image, at) => isThere[at])
    .map((image) => ({ kind: 'no-record', name: image, id, isRecent: false }))
}

function isOrphan({ kind, name }: Problem): boolean {
  if (kind !== 'no-image') return kind === 'no-record' || kind === 'torn-record' || kind === 'temporary'
  const id = idOfRecordName(name)
  return id !== undefined && name === unnamedRecordName(id)
}
