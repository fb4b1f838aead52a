import { createHash } from 'node:crypto'
import type { ImageRecord } from '../../../schemas/image-record.ts'
import { temporaryNamePattern } from '../../bytes/durable-file.ts'
import { ReportedError } from '../../errors/app-error.ts'
import type { LibraryFiles, StoredEntry, StoredFile } from '../image-store.ts'
import { LIBRARY_FOLDER } from '../image-store.ts'
import { idOfRecordName, idOfUnnamedImage, recordName, unnamedRecordName } from '../locations.ts'
import { TornRecordError } from '../records/parse-record.ts'
import type { RecordIndex } from '../records/record-index.ts'
import { readRecord } from '../records/stored-record.ts'
import { inBatches } from './batches.ts'
import { exists, indexedRecords } from './reindex.ts'

/** What can be wrong in a library. */
export type ProblemKind =
  /** An image without a name that has no record: no one can use it. */
  | 'no-record'
  /** A record whose image is gone. */
  | 'no-image'
  /** A record that was not written to its end. */
  | 'torn-record'
  /** A file that should have a record and has none, or one of another place. */
  | 'invalid-record'
  /** An image of another size, or with other bytes, than its record says. */
  | 'wrong-size'
  | 'wrong-hash'
  /** A file that a killed process left. */
  | 'temporary'
  /** A record that the index has not, or has with other content. */
  | 'not-in-index'
  | 'other-in-index'
  /** An entry of the index that has no record. */
  | 'only-in-index'

export interface Problem {
  kind: ProblemKind
  /** Of the file, in the store. */
  name: string
  id?: string
  /** Its bytes, if it is a file. */
  bytes?: number
  /** Changed so recently that its writer may still be at work. */
  isRecent: boolean
}

export interface VerifyOptions {
  files: LibraryFiles
  /** Absent: no other process can see it, so that it is not checked. */
  index?: RecordIndex | undefined
  /** Reads every image. */
  withHashes?: boolean
  /** Milliseconds during which a file is `isRecent`: no image takes longer to be stored. */
  recentMs?: number
  /** For each file of the library that was looked at. */
  onChecked?: () => void
}

const BATCH = 16
/** As long as a result can wait for its images. */
const RECENT_MS = 60_000

/** Compares images, records and index, in constant memory. @throws ServiceError `IMG_ERR_STORE_UNREADABLE`, DatabaseUnavailableError */
export async function* verify(options: VerifyOptions): AsyncGenerator<Problem> {
  const { files, index, onChecked, recentMs = RECENT_MS } = options
  for await (const batch of inBatches(files.entries(), BATCH)) {
    const found = await Promise.all(
      batch.map(async (entry) => {
        const problems = await problemsOf(entry, options)
        if (problems !== undefined) onChecked?.()
        const isRecent = Date.now() - entry.modifiedAt < recentMs
        return (problems ?? []).map((problem) => ({ name: entry.name, ...problem, isRecent }))
      }),
    )
    yield* found.flat()
  }
  if (index === undefined) return
  for await (const batch of inBatches(indexedRecords(index), BATCH)) {
    const isThere = await Promise.all(batch.map((record) => exists(files, recordName(record))))
    const lost = batch.filter((_record, at) => !isThere[at])
    for (const { id, location } of lost) yield { kind: 'only-in-index', name: location, id, isRecent: false }
  }
}

type Found = Omit<Problem, 'name' | 'isRecent'> & { name?: string }

/** Undefined: the file is not the library's. */
async function problemsOf(entry: StoredEntry, options: VerifyOptions): Promise<Found[] | undefined> {
  const { name, bytes } = entry
  if (isTemporary(name)) return [{ kind: 'temporary', bytes }]
  if (idOfRecordName(name) !== undefined) return await problemsOfRecord(name, options)
  const id = idOfUnnamedImage(name)
  if (id === undefined) return undefined
  return (await exists(options.files, unnamedRecordName(id))) ? [] : [{ kind: 'no-record', id, bytes }]
}

/** Whether it is a temporary file of the library. */
export function isTemporary(name: string): boolean {
  return name.startsWith(`${LIBRARY_FOLDER}/`) && temporaryNamePattern.test(name.slice(name.lastIndexOf('/') + 1))
}

async function problemsOfRecord(name: string, options: VerifyOptions): Promise<Found[]> {
  const { files, index } = options
  let record: ImageRecord | undefined
  try {
    record = await readRecord(files, name)
  } catch (error) {
    if (error instanceof TornRecordError) return [{ kind: 'torn-record', ...idOf(name) }]
    if (error instanceof ReportedError) return [{ kind: 'invalid-record', ...idOf(name) }]
    throw error
  }
  // Removed meanwhile.
  if (record === undefined) return []
  const { id } = record
  const problems = await problemsOfImage(record, options)
  const indexed = index && (await index.get(id))
  if (index !== undefined && indexed === undefined) problems.push({ kind: 'not-in-index', id })
  if (indexed !== undefined && JSON.stringify(indexed) !== JSON.stringify(record)) {
    problems.push({ kind: 'other-in-index', id })
  }
  return problems
}

function idOf(name: string): { id?: string } {
  const id = idOfRecordName(name)
  return id === undefined ? {} : { id }
}

async function problemsOfImage(record: ImageRecord, { files, withHashes = false }: VerifyOptions): Promise<Found[]> {
  const { id, location: name, bytes } = record
  await using file = await files.open(name)
  if (file === undefined) return [{ kind: 'no-image', id }]
  if (file.bytes !== bytes) return [{ kind: 'wrong-size', id, name, bytes: file.bytes }]
  if (withHashes && (await sha256Of(file)) !== record.sha256) return [{ kind: 'wrong-hash', id, name, bytes }]
  return []
}

async function sha256Of(file: StoredFile): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of file.read(0, file.bytes)) hash.update(chunk)
  return hash.digest('hex')
}
