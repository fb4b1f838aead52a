import { setImmediate } from 'node:timers/promises'
import type { ImageRecord } from '../../../schemas/image-record.ts'
import { ReportedError } from '../../errors/app-error.ts'
import type { LibraryFiles } from '../image-store.ts'
import { idOfRecordName, recordName } from '../locations.ts'
import type { RecordIndex } from '../records/record-index.ts'
import { readRecord } from '../records/stored-record.ts'
import { inBatches } from './batches.ts'

/** Records that are read at once; an index in SQLite stops the event loop while it takes them. */
const BATCH = 32
/** Records that cannot be read, before an import is given up. */
const MAX_FAILURES = 10

export interface Stored {
  files: LibraryFiles
  index: RecordIndex
}

export interface ImportedRecords {
  /** Records that the index had not. */
  imported: number
  /** Files that look like records and are none. */
  invalid: number
}

/**
 * Adds to the index the records of the store that it has not, or all of them.
 * @throws DatabaseUnavailableError, the reason of the signal; ServiceError `IMG_ERR_STORE_UNREADABLE` if a record could not be
 *   read, after the others have been imported
 */
export async function importRecords(
  { files, index }: Stored,
  { isComplete, signal }: { isComplete: boolean; signal?: AbortSignal },
): Promise<ImportedRecords> {
  const total = { imported: 0, invalid: 0 }
  const failures: unknown[] = []
  for await (const batch of inBatches(recordNames(files), BATCH)) {
    signal?.throwIfAborted()
    const missing = new Set(await index.missing(batch.map(({ id }) => id)))
    const wanted = isComplete ? batch : batch.filter(({ id }) => missing.has(id))
    const read = await Promise.allSettled(wanted.map(({ name }) => readIfValid(files, name)))
    const records = read.flatMap((each) => (each.status === 'fulfilled' ? each.value : []))
    failures.push(...read.flatMap((each) => (each.status === 'rejected' ? each.reason : [])))
    // One record may be unreadable; a store that is down would fail for every one.
    if (failures.length > MAX_FAILURES) break
    const whole = records.filter((record) => record !== undefined && record !== 'invalid')
    const valid = await withoutEarlierOnes(whole, { files, index }, missing)
    if (valid.length > 0) await index.put(valid)
    total.imported += valid.filter(({ id }) => missing.has(id)).length
    total.invalid += records.filter((record) => record === 'invalid').length
    await setImmediate()
  }
  if (total.imported > BATCH) await index.optimize()
  if (failures.length > 0) throw failures[0]
  return total
}

/** A kill while an image gets a name leaves two records of it: the one with the name counts. */
async function withoutEarlierOnes(
  records: readonly ImageRecord[],
  { files, index }: Stored,
  missing: ReadonlySet<string>,
): Promise<ImageRecord[]> {
  const chosen = new Map<string, ImageRecord>()
  for (const record of records) if (record.isNamed || !chosen.has(record.id)) chosen.set(record.id, record)
  const valid: ImageRecord[] = []
  for (const record of chosen.values()) {
    const indexed = record.isNamed || missing.has(record.id) ? undefined : await index.get(record.id)
    if (indexed?.isNamed !== true || !(await exists(files, recordName(indexed)))) valid.push(record)
  }
  return valid
}

async function readIfValid(files: LibraryFiles, name: string): Promise<ImageRecord | 'invalid' | undefined> {
  return await readRecord(files, name).catch((error: unknown) => {
    if (error instanceof ReportedError) return 'invalid' as const
    throw error
  })
}

async function* recordNames(files: LibraryFiles): AsyncGenerator<{ name: string; id: string }> {
  for await (const { name } of files.entries()) {
    const id = idOfRecordName(name)
    if (id !== undefined) yield { name, id }
  }
}

/**
 * Makes the index that of the store's records: adds and replaces, and removes what has no record.
 * @throws as `importRecords`
 */
export async function reindex(stored: Stored): Promise<ImportedRecords & { removed: number }> {
  const imported = await importRecords(stored, { isComplete: true })
  let removed = 0
  for await (const batch of inBatches(indexedRecords(stored.index), BATCH)) {
    const removals = await Promise.all(
      batch.map(
        async (record) => !(await exists(stored.files, recordName(record))) && (await stored.index.remove(record.id)),
      ),
    )
    removed += removals.filter(Boolean).length
  }
  return { ...imported, removed }
}

/** Everything that the index has. */
export async function* indexedRecords(index: RecordIndex): AsyncGenerator<ImageRecord> {
  for (let cursor: string | undefined, isLast = false; !isLast; isLast = cursor === undefined) {
    const { records, nextCursor } = await index.find({ limit: BATCH, cursor })
    yield* records
    cursor = nextCursor
  }
}

/** @throws ServiceError `IMG_ERR_STORE_UNREADABLE` */
export async function exists(files: LibraryFiles, name: string): Promise<boolean> {
  await using file = await files.open(name)
  return file !== undefined
}
