import { setTimeout as pause } from 'node:timers/promises'
import { Value } from 'typebox/value'
import { type ImageRecord, ImageRecordSchema } from '../../schemas/image-record.ts'
import type { Base64Image, ImageFacts } from '../bytes/base64-image.ts'
import { ServiceError, serviceError } from '../errors/errors.ts'
import type { Logger } from '../logging/logger.ts'
import { type LibraryAccess, mayChange, mayUse } from './access.ts'
import { type ImageDigest, observeImage } from './image-digest.ts'
import { newImageId } from './image-id.ts'
import {
  type ImageSource,
  type ImageStore,
  jsonSource,
  type SavedImage,
  type SaveTarget,
  type StoredFile,
} from './image-store.ts'
import { recordName, unnamedLocation, unnamedRecordName } from './locations.ts'
import { InvalidCursorError, type RecordIndex, type RecordPage, type RecordQuery } from './records/record-index.ts'
import { openStoredImage } from './stored-image.ts'

/** An image that is to be stored. A `Base64Image` is one. */
export type NewImage = ImageSource & ImageFacts

/** What is known of the images of one call. */
export type NewImageFacts = Pick<ImageRecord, 'origin' | 'owner' | 'parents' | 'tags'> &
  Partial<Pick<ImageRecord, 'prompt' | 'model' | 'deployment' | 'seed' | 'costUsd' | 'callId'>>

/** What became of an image. */
export interface AddedImage {
  /** It is in the library: bytes and record are in the store. */
  record?: ImageRecord
  /** It has the requested name, even if it is not in the library. */
  saved?: SavedImage
  /** Why it is not in the library, or has no name. */
  failure?: ServiceError
}

export interface LibraryOptions {
  store: ImageStore
  index: RecordIndex
  /** Milliseconds that a result waits for its images to be stored. */
  waitMs: number
  /** Largest file that is read, in bytes. */
  maxReadBytes: number
  log: Logger
}

/**
 * The images that have ids. Bytes come first, then the record beside them, then the index, so that an image whose id a
 * client knows is complete, and the index can always be rebuilt.
 */
export interface Library {
  /**
   * Stores the images of one call, under one name if there is a target. Takes at most `waitMs`: what has not been stored by
   * then is given up. Never rejects; the results are in the order of the images.
   */
  add(images: readonly NewImage[], facts: NewImageFacts, target?: SaveTarget): Promise<AddedImage[]>
  /** @throws ServiceError `IMG_ERR_IMAGE_ID`, also for an image that the caller may not use */
  get(id: string, access: LibraryAccess): Promise<ImageRecord>
  /** The records of named images, whoever owns them, whose names differ from this one at most in case and Unicode form. */
  recordsOfName(name: string): Promise<readonly ImageRecord[]>
  /** The images that the caller may list, newest first. @throws ServiceError `IMG_ERR_LIBRARY_LISTING`, `IMG_ERR_STORE_CURSOR` */
  find(query: Omit<RecordQuery, 'owner'>, access: LibraryAccess): Promise<RecordPage>
  /** The caller's own newest image; on the user's machine the newest of all. @throws ServiceError as `find`, and `IMG_ERR_IMAGE_ID` if there is none */
  latest(access: LibraryAccess): Promise<ImageRecord>
  /** The bytes of an image, which the receiver must dispose. @throws ServiceError `IMG_ERR_IMAGE_ID` if they are gone */
  open(record: ImageRecord): Promise<StoredFile>
  /** The image for a response, which the receiver must dispose. @throws ServiceError as `open` */
  read(record: ImageRecord): Promise<Base64Image>
  /** Changes what the owner may change. @throws ServiceError `IMG_ERR_IMAGE_ID`, `IMG_ERR_STORE_…` */
  update(id: string, changes: Partial<Pick<ImageRecord, 'tags'>>, access: LibraryAccess): Promise<ImageRecord>
  /** Removes bytes, record and index entry. @throws ServiceError as `update` */
  remove(id: string, access: LibraryAccess): Promise<void>
}

/** Names that are one file on file systems that ignore case. */
const MAX_SPELLINGS = 20

export function createLibrary({ store, index, waitMs, maxReadBytes, log }: LibraryOptions): Library {
  const { files } = store

  async function createRecordFile(record: ImageRecord, signal: AbortSignal): Promise<void> {
    await files.create(recordName(record), jsonSource(JSON.stringify(record)), signal)
  }

  /** The record is the truth: an index that cannot be reached is brought up to date by its next rebuild. */
  async function putInIndex(records: readonly ImageRecord[]): Promise<void> {
    if (records.length === 0) return
    await index.put(records).catch((err: unknown) => log.warn({ err }, 'the index of images could not be updated'))
  }

  async function addUnnamed(image: NewImage, facts: NewImageFacts, signal: AbortSignal): Promise<AddedImage> {
    const id = newImageId()
    const location = unnamedLocation(id, image.mimeType)
    const { source, digest } = observeImage(image)
    await files.create(location, source, signal)
    const record = createRecord({ id, image, facts, location, isNamed: false, digest: digest() })
    try {
      await createRecordFile(record, signal)
    } catch (error) {
      await files.remove(location).catch(() => {})
      throw error
    }
    return { record }
  }

  async function addNamed(
    images: readonly NewImage[],
    facts: NewImageFacts,
    target: SaveTarget,
    signal: AbortSignal,
    added: AddedImage[],
  ): Promise<void> {
    const observed = images.map(observeImage)
    const results = await store.saveSet(
      target,
      observed.map(({ source }) => source),
      signal,
    )
    for (const [at, image] of images.entries()) {
      const result = results[at]
      if (result?.status !== 'fulfilled') {
        added[at] = { failure: toServiceError(result?.reason) }
        continue
      }
      const saved = result.value
      added[at] = { saved }
      const id = newImageId()
      const digest = observed[at]?.digest()
      if (digest === undefined) continue
      const record = createRecord({ id, image, facts, location: saved.name, isNamed: true, digest })
      added[at] = await createRecordFile(record, signal).then(
        () => ({ saved, record }),
        (error: unknown) => ({ saved, failure: toServiceError(error) }),
      )
    }
  }

  async function addAll(
    images: readonly NewImage[],
    facts: NewImageFacts,
    target: SaveTarget | undefined,
    signal: AbortSignal,
    added: AddedImage[],
  ): Promise<void> {
    if (target !== undefined) await addNamed(images, facts, target, signal, added)
    else {
      // One after another: each write needs a buffer.
      for (const [at, image] of images.entries()) {
        added[at] = await addUnnamed(image, facts, signal).catch((error: unknown) => ({
          failure: toServiceError(error),
        }))
      }
    }
    await putInIndex(added.flatMap(({ record }) => record ?? []))
  }

  async function find(query: RecordQuery): Promise<RecordPage> {
    return await index.find(query).catch((cause: unknown) => {
      throw cause instanceof InvalidCursorError ? serviceError('IMG_ERR_STORE_CURSOR', [], { cause }) : cause
    })
  }

  function checkListing({ canList }: LibraryAccess): void {
    if (!canList) throw serviceError('IMG_ERR_LIBRARY_LISTING', [])
  }

  /** The record in the store; the index may not have it yet. */
  async function readUnnamedRecord(id: string): Promise<ImageRecord | undefined> {
    const text = await files.readText(unnamedRecordName(id))
    return text === undefined ? undefined : parseRecord(text)
  }

  async function get(id: string, access: LibraryAccess): Promise<ImageRecord> {
    const usable = (record?: ImageRecord) => (record && mayUse(access, record.owner) ? record : undefined)
    // The store is asked also for another caller's image, so that an unknown id does not take longer than such a one.
    const record = usable(await index.get(id)) ?? usable(await readUnnamedRecord(id))
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
    return file
  }

  return {
    async add(images, facts, target) {
      const added: AddedImage[] = []
      const deadline = new AbortController()
      const slow = serviceError('IMG_ERR_STORE_SLOW', [])
      const work = addAll(images, facts, target, deadline.signal, added).catch((err: unknown) => {
        log.warn({ err }, 'storing images failed')
      })
      const done = new AbortController()
      await Promise.race([work, pause(waitMs, undefined, { ref: false, signal: done.signal }).catch(() => {})])
      done.abort()
      deadline.abort(slow)
      // A later result of the given-up work must not change what the client is told.
      return images.map((_image, at) => added[at] ?? { failure: slow })
    },
    get,
    async recordsOfName(location) {
      return (await find({ location, limit: MAX_SPELLINGS })).records
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
      const record = { ...(await getToChange(id, access)), ...changes }
      await files.writeText(recordName(record), JSON.stringify(record))
      await putInIndex([record])
      return record
    },
    async remove(id, access) {
      const record = await getToChange(id, access)
      // The record goes last: until then the image is listed, and can be removed again.
      await files.remove(record.location)
      await files.remove(recordName(record))
      await index.remove(id)
    },
  }
}

/** @throws Error if the text is no record */
export function parseRecord(text: string): ImageRecord {
  return Value.Parse(ImageRecordSchema, JSON.parse(text))
}

function createRecord({
  id,
  image,
  facts,
  location,
  isNamed,
  digest,
}: {
  id: string
  image: NewImage
  facts: NewImageFacts
  location: string
  isNamed: boolean
  digest: ImageDigest
}): ImageRecord {
  const { mimeType, width, height, bytes } = image
  const createdAt = Date.now()
  return { version: 1, id, createdAt, ...facts, location, isNamed, mimeType, width, height, bytes, ...digest }
}

function toServiceError(error: unknown): ServiceError {
  return error instanceof ServiceError ? error : serviceError('IMG_ERR_STORE_FAILED', [], { cause: error })
}
