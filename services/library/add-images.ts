import { setTimeout as pause } from 'node:timers/promises'
import type { ImageRecord } from '../../schemas/image-record.ts'
import type { ImageFacts } from '../bytes/base64-image.ts'
import { ServiceError, serviceError } from '../errors/errors.ts'
import type { Logger } from '../logging/logger.ts'
import { type ImageDigest, observeImage } from './image-digest.ts'
import { newImageId } from './image-id.ts'
import { type ImageSource, type ImageStore, jsonSource, type SavedImage, type SaveTarget } from './image-store.ts'
import { recordName, unnamedLocation, unnamedRecordName } from './locations.ts'
import type { LateRecords } from './records/late-records.ts'
import { TornRecordError } from './records/parse-record.ts'
import { readRecord } from './records/stored-record.ts'

/** An image that is to be stored. A `Base64Image` is one. */
export type NewImage = ImageSource & ImageFacts

/** What is known of the images of one call. */
export type NewImageFacts = Pick<ImageRecord, 'origin' | 'owner' | 'parents' | 'tags'> &
  Partial<Pick<ImageRecord, 'prompt' | 'model' | 'deployment' | 'seed' | 'costUsd' | 'callId' | 'number'>>

/** What became of an image. */
export interface AddedImage {
  /** It is in the library: bytes and record are in the store. */
  record?: ImageRecord
  /** It has the requested name, even if it is not in the library. */
  saved?: SavedImage
  /** Why it is not in the library, or has no name. */
  failure?: ServiceError
}

/**
 * Stores the images of one call, under one name if there is a target. Never rejects; the results are in the order of the
 * images.
 */
export type AddImages = (
  images: readonly NewImage[],
  facts: NewImageFacts,
  target?: SaveTarget,
  wait?: StoreWait,
  /** What is known of each image, where that differs. */
  own?: readonly Partial<NewImageFacts>[],
) => Promise<AddedImage[]>

/** How long images may take to be stored. */
export interface StoreWait {
  /** Milliseconds, if not those of a response. */
  ms?: number | undefined
  /** `performance.now()` from which on they count: images of one response wait together. Now, if absent. */
  since?: number | undefined
}

/**
 * Stores an image that a client uploads, under the id that was promised. It takes as long as the client sends.
 * @throws ServiceError `IMG_ERR_STORE_…`, also if there is an image with this id, and the signal's reason
 */
export type AddUpload = (id: string, image: NewImage, owner: string, signal: AbortSignal) => Promise<ImageRecord>

/** Milliseconds after which a file that does not grow has no writer: slower senders are disconnected. */
const ABANDONED_AFTER_MS = 60_000

export interface AddImagesOptions {
  store: ImageStore
  records: Pick<LateRecords, 'put'>
  /** Milliseconds that a result waits for its images to be stored; what has not been stored by then is given up. */
  waitMs: number
  log: Logger
}

/** Bytes come first, then the record beside them, then the index: an image whose id is known is complete. */
export function createAddImages({ store, records, waitMs: responseWaitMs, log }: AddImagesOptions): {
  add: AddImages
  addUpload: AddUpload
} {
  const { files } = store

  /** A torn record is none. */
  async function hasRecord(id: string): Promise<boolean> {
    return await readRecord(files, unnamedRecordName(id)).then(
      (record) => record !== undefined,
      (error: unknown) => !(error instanceof TornRecordError),
    )
  }

  /** Another replica stores an image under the same id, or was killed while it did. */
  async function uploadError(cause: unknown, id: string, location: string): Promise<unknown> {
    const left: string[] = []
    for (const name of [location, unnamedRecordName(id)]) {
      await using file = await files.open(name).catch(() => undefined)
      if (file === undefined) continue
      if (Date.now() - file.modifiedAt < ABANDONED_AFTER_MS) {
        return serviceError('IMG_ERR_UPLOAD_RUNNING', [], { cause })
      }
      left.push(name)
    }
    if (left.length === 0) return cause
    if (await hasRecord(id)) return serviceError('IMG_ERR_UPLOAD_RUNNING', [], { cause })
    for (const name of left) await files.remove(name)
    return serviceError('IMG_ERR_UPLOAD_BROKEN_OFF', [], { cause })
  }

  async function writeRecord(record: ImageRecord, signal: AbortSignal): Promise<void> {
    await files.create(recordName(record), jsonSource(JSON.stringify(record)), signal)
  }

  /** @throws as `files.create`; then neither image nor record remains */
  async function addUnnamed(
    id: string,
    image: NewImage,
    facts: NewImageFacts,
    signal: AbortSignal,
  ): Promise<ImageRecord> {
    const location = unnamedLocation(id, image.mimeType)
    const { source, digest } = observeImage(image)
    await files.create(location, source, signal)
    const record = { ...describe(id, image, facts, digest()), location, isNamed: false }
    try {
      await writeRecord(record, signal)
    } catch (error) {
      await files
        .remove(location)
        .catch((err: unknown) => log.warn({ err, location }, 'an image without a record remains'))
      throw error
    }
    return record
  }

  /** The record of an image that has got its name. */
  async function addRecord(
    saved: SavedImage,
    image: NewImage,
    facts: NewImageFacts,
    digest: ImageDigest,
    signal: AbortSignal,
  ): Promise<AddedImage> {
    const record = { ...describe(newImageId(), image, facts, digest), location: saved.name, isNamed: true }
    return await writeRecord(record, signal).then(
      () => ({ saved, record }),
      (error: unknown) => ({ saved, ...toFailure(error) }),
    )
  }

  async function add(
    images: readonly NewImage[],
    facts: NewImageFacts,
    target?: SaveTarget,
    { ms: waitMs = responseWaitMs, since = performance.now() }: StoreWait = {},
    own: readonly Partial<NewImageFacts>[] = [],
  ): Promise<AddedImage[]> {
    const factsOf = (at: number) => ({ ...facts, ...numberOf(at, images), ...own[at] })
    const added: AddedImage[] = []
    const deadline = new AbortController()
    const { signal } = deadline

    async function addAll(): Promise<void> {
      if (target === undefined) {
        // One after another: each write needs a buffer.
        for (const [at, image] of images.entries()) {
          added[at] = await addUnnamed(newImageId(), image, factsOf(at), signal).then(
            (record) => ({ record }),
            toFailure,
          )
        }
      } else {
        const observed = images.map((image) => ({ image, ...observeImage(image) }))
        const sources = observed.map(({ source }) => source)
        const results = await store.saveSet(target, sources, signal)
        for (const [at, { image, digest }] of observed.entries()) {
          const result = results[at]
          if (result?.status !== 'fulfilled') added[at] = toFailure(result?.reason)
          else {
            added[at] = { saved: result.value }
            added[at] = await addRecord(result.value, image, factsOf(at), digest(), signal)
          }
        }
      }
      await records.put(added.flatMap(({ record }) => record ?? []))
    }

    const slow = serviceError('IMG_ERR_STORE_SLOW', [])
    const done = new AbortController()
    const work = addAll().catch((err: unknown) => log.error({ err }, 'storing images failed'))
    const leftMs = Math.max(0, since + waitMs - performance.now())
    await Promise.race([work, pause(leftMs, undefined, { signal: done.signal }).catch(() => {})])
    done.abort()
    deadline.abort(slow)
    // Copied: what the given-up work still does must not change what the client is told.
    return images.map((_image, at) => {
      const { record, saved, failure } = added[at] ?? {}
      return record === undefined
        ? { ...(saved && { saved }), failure: failure ?? slow }
        : { record, ...(saved && { saved }) }
    })
  }

  return {
    add,
    async addUpload(id, image, owner, signal) {
      const facts: NewImageFacts = { origin: 'uploaded', owner, parents: [], tags: [] }
      const record = await addUnnamed(id, image, facts, signal).catch(async (error: unknown) => {
        throw await uploadError(error, id, unnamedLocation(id, image.mimeType))
      })
      await records.put([record])
      return record
    },
  }
}

/** The only image of a call needs no number. */
const numberOf = (at: number, { length }: readonly NewImage[]) => (length > 1 ? { number: at + 1 } : {})

function describe(id: string, image: NewImage, facts: NewImageFacts, digest: ImageDigest) {
  const { mimeType, width, height, bytes } = image
  return { version: 1 as const, id, createdAt: Date.now(), ...facts, mimeType, width, height, bytes, ...digest }
}

/** What a client is told of an image that could not be stored. */
export function toFailure(cause: unknown): { failure: ServiceError } {
  return { failure: cause instanceof ServiceError ? cause : serviceError('IMG_ERR_STORE_FAILED', [], { cause }) }
}
