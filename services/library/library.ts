import { setTimeout as pause } from 'node:timers/promises'
import type { ImageRecord } from '../../schemas/image-record.ts'
import type { Base64Image } from '../bytes/base64-image.ts'
import type { MaybePromise } from '../bytes/maybe-promise.ts'
import { ReportedError } from '../errors/app-error.ts'
import { serviceError } from '../errors/errors.ts'
import type { Logger } from '../logging/logger.ts'
import { type LibraryAccess, mayChange, mayUse } from './access.ts'
import { type AddImages, type AddUpload, createAddImages } from './add-images.ts'
import { type ChangedImage, changeImage, type ImageChanges } from './change-image.ts'
import type { ImageEvents } from './image-events.ts'
import type { ImageStore, StoredFile } from './image-store.ts'
import { isAtItsPlace, recordName, unnamedRecordName } from './locations.ts'
import { createLateRecords } from './records/late-records.ts'
import { InvalidCursorError, type RecordIndex, type RecordPage, type RecordQuery } from './records/record-index.ts'
import { readRecord } from './records/stored-record.ts'
import { openStoredImage } from './stored-image.ts'
import { createTurns } from './turns.ts'

export interface LibraryOptions {
  store: ImageStore
  index: RecordIndex
  /** See `Maintenance`; by default the index is always complete. */
  completeUntil?: () => MaybePromise<number>
  /** Milliseconds that a result waits for its images to be stored. */
  waitMs: number
  /** Largest file that is read, in bytes. */
  maxReadBytes: number
  /** Told of every image that is stored, changed or removed; by default no one is. */
  events?: Pick<ImageEvents, 'report'>
  log: Logger
}

/**
 * The images that have ids. Bytes come first, then the record beside them, then the index, so that an image whose id a
 * client knows is complete, and the index can always be rebuilt.
 */
export interface Library extends Disposable {
  add: AddImages
  addUpload: AddUpload
  /** @throws ServiceError `IMG_ERR_IMAGE_ID`, also for an image that the caller may not use */
  get(id: string, access: LibraryAccess): Promise<ImageRecord>
  /** The records of named images, whoever owns them, whose names differ from this one at most in case and Unicode form. */
  recordsOfName(name: string): Promise<readonly ImageRecord[]>
  /**
   * The time before which a file without a record in the index has none, in milliseconds since 1970.
   * @throws ServiceError `IMG_ERR_LIBRARY_SEARCH` while the index is filled
   */
  completeUntil(): Promise<number>
  /** The images that the caller may list, newest first. @throws ServiceError `IMG_ERR_LIBRARY_LISTING`, `IMG_ERR_LIBRARY_SEARCH`, `IMG_ERR_STORE_CURSOR` */
  find(query: Omit<RecordQuery, 'owner'>, access: LibraryAccess): Promise<RecordPage>
  /** The caller's own newest image; on the user's machine the newest of all. @throws ServiceError as `find`, and `IMG_ERR_IMAGE_ID` if there is none */
  latest(access: LibraryAccess): Promise<ImageRecord>
  /** The bytes of an image, which the receiver must dispose. @throws ServiceError `IMG_ERR_IMAGE_ID` if they are gone */
  open(record: ImageRecord): Promise<StoredFile>
  /** The image for a response, which the receiver must dispose. @throws ServiceError as `open` */
  read(record: ImageRecord): Promise<Base64Image>
  /** Changes what the owner may change. @throws ServiceError `IMG_ERR_IMAGE_ID`, `IMG_ERR_STORE_…` */
  update(id: string, changes: ImageChanges, access: LibraryAccess): Promise<ChangedImage>
  /** Removes bytes, record and index entry. @throws ServiceError as `update` */
  remove(id: string, access: LibraryAccess): Promise<void>
}

/** Names that are one file on file systems that ignore case. */
const MAX_SPELLINGS = 20

/** Milliseconds for the index to be filled. */
const MAX_FILLING_MS = 5_000

export function createLibrary(options: LibraryOptions): Library {
  const { store, index, completeUntil = () => Number.POSITIVE_INFINITY, waitMs, maxReadBytes, events, log } = options
  const { files } = store
  const inTurn = createTurns()
  const records = createLateRecords(index, log, reportStored)

  function reportStored(stored: readonly ImageRecord[]): void {
    for (const record of stored) events?.report(record, true)
  }

  async function find(query: RecordQuery): Promise<RecordPage> {
    return await index.find(query).catch((cause: unknown) => {
      throw serviceError(cause instanceof InvalidCursorError ? 'IMG_ERR_STORE_CURSOR' : 'IMG_ERR_LIBRARY_SEARCH', [], {
        cause,
      })
    })
  }

  function checkListing({ canList }: LibraryAccess): void {
    if (!canList) throw serviceError('IMG_ERR_LIBRARY_LISTING', [])
  }

  /** The record in the store; the index may not have it yet. */
  async function readUnnamedRecord(id: string): Promise<ImageRecord | undefined> {
    return await readRecord(files, unnamedRecordName(id)).catch((err: unknown) => {
      if (!(err instanceof ReportedError)) throw err
      log.warn({ err, id }, 'the record of an image is invalid; `library verify` lists such records')
      return undefined
    })
  }

  /** An index that cannot be reached must not make images unusable. */
  async function fromIndex(id: string): Promise<ImageRecord | undefined> {
    return await records.get(id).catch((err: unknown) => {
      log.warn({ err }, 'the index of images cannot be read; images are found by the files in the store')
      return undefined
    })
  }

  async function get(id: string, access: LibraryAccess): Promise<ImageRecord> {
    const usable = (record?: ImageRecord) =>
      record && mayUse(access, record.owner) && isAtItsPlace(record, recordName(record)) ? record : undefined
    // The store is asked also for another caller's image, so that an unknown id does not take longer than such a one.
    const record = usable(await fromIndex(id)) ?? usable(await readUnnamedRecord(id))
    if (record === undefined) throw serviceError('IMG_ERR_IMAGE_ID', [])
    return record
  }

  async function getToChange(id: string, access: LibraryAccess): Promise<ImageRecord> {
    const record = await get(id, access)
    if (!mayChange(access, record.owner)) throw serviceError('IMG_ERR_IMAGE_ID', [])
    return record
  }

  async function open(record: ImageRecord): Promise<StoredFile> {
    const file = await files.open(record.location)
    if (file === undefined) throw serviceError('IMG_ERR_IMAGE_ID', [])
    if (await isOfAnother(record, file)) {
      await file[Symbol.asyncDispose]()
      throw serviceError('IMG_ERR_IMAGE_ID', [])
    }
    return file
  }

  /**
   * Whether the name of an image has gone to a later one, perhaps of another caller: its own file was removed by something
   * else than this service. A file that merely was changed is still the image's.
   */
  async function isOfAnother(record: ImageRecord, { bytes }: StoredFile): Promise<boolean> {
    if (!record.isNamed || bytes === record.bytes) return false
    const others = await recordsOfName(record.location).catch(() => [])
    return others.some((other) => {
      return other.id !== record.id && other.location === record.location && other.bytes === bytes
    })
  }

  async function putNew(added: readonly ImageRecord[]): Promise<void> {
    await records.put(added)
    reportStored(added)
  }

  async function recordsOfName(location: string): Promise<readonly ImageRecord[]> {
    const late = records.named(location)
    return [...late, ...(await find({ location, limit: MAX_SPELLINGS })).records]
  }

  return {
    [Symbol.dispose]: records[Symbol.dispose],
    ...createAddImages({ store, records: { put: putNew }, waitMs, log }),
    get,
    recordsOfName,
    async completeUntil() {
      const until = completeUntil()
      if (typeof until === 'number') return until
      const filled = await Promise.race([until, pause(MAX_FILLING_MS, undefined, { ref: false })])
      if (filled === undefined) throw serviceError('IMG_ERR_LIBRARY_SEARCH', [])
      return filled
    },
    async find(query, access) {
      checkListing(access)
      return await find(access.uses === 'all' ? query : { ...query, owner: access.owner })
    },
    async latest(access) {
      checkListing(access)
      const owner = access.changes === 'all' ? {} : { owner: access.owner }
      const [record] = (await find({ ...owner, limit: 1 })).records
      if (record === undefined) throw serviceError('IMG_ERR_IMAGE_ID', [])
      return record
    },
    open,
    async read(record) {
      return await openStoredImage(await open(record), maxReadBytes)
    },
    async update(id, changes, access) {
      const putInIndex = (record: ImageRecord) => records.put([record])
      return await inTurn(id, async () => {
        const current = await getToChange(id, access)
        const changed = await changeImage(current, changes, { store, open, putInIndex, log })
        const isRenamed = changed.record.location !== current.location
        events?.report(changed.record, isRenamed, isRenamed && current.isNamed ? current.location : undefined)
        return changed
      })
    },
    async remove(id, access) {
      await inTurn(id, async () => {
        const record = await getToChange(id, access)
        // The record goes last: until then the image is listed, and can be removed again.
        await using file = await files.open(record.location)
        if (file !== undefined && !(await isOfAnother(record, file))) await files.remove(record.location)
        await files.remove(recordName(record))
        await records.remove(id)
        events?.report(record, true)
      })
    },
  }
}
