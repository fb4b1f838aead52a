import type { ImageRecord } from '../../schemas/image-record.ts'
import type { Logger } from '../logging/logger.ts'
import { fitExtension } from './file-extension.ts'
import type { ImageStore, SavedImage, SaveTarget, StoredFile } from './image-store.ts'
import { recordName } from './locations.ts'

/** What an owner may change. */
export interface ImageChanges {
  tags?: readonly string[] | undefined
  /** A new name; an image that had none is stored until it is deleted. */
  target?: SaveTarget | undefined
}

export interface ChangedImage {
  record: ImageRecord
  /** The file under its new name. */
  saved?: SavedImage
}

export interface ChangeOptions {
  store: ImageStore
  open(record: ImageRecord): Promise<StoredFile>
  putInIndex(record: ImageRecord): Promise<void>
  log: Logger
}

/**
 * Changes an image. The new file and its record exist before the old ones are removed, so that a failure or a kill leaves
 * a complete image; no file is replaced.
 * @throws ServiceError `IMG_ERR_IMAGE_ID`, `IMG_ERR_STORE_…`: nothing has changed
 */
export async function changeImage(
  current: ImageRecord,
  { tags = current.tags, target }: ImageChanges,
  { store, open, putInIndex, log }: ChangeOptions,
): Promise<ChangedImage> {
  const { files } = store
  const tagged = { ...current, tags: [...tags] }
  const write = async (record: ImageRecord) => await files.writeText(recordName(record), JSON.stringify(record))
  if (target === undefined || hasName(current, target)) {
    await write(tagged)
    await putInIndex(tagged)
    return { record: tagged }
  }
  const saved = await copyTo(target)
  const record = { ...tagged, location: saved.name, isNamed: true }
  try {
    await write(record)
  } catch (error) {
    await remove(saved.name)
    throw error
  }
  await putInIndex(record)
  if (recordName(current) !== recordName(record)) await remove(recordName(current))
  await remove(current.location)
  return { record, saved }

  async function copyTo(name: SaveTarget): Promise<SavedImage> {
    await using file = await open(current)
    const { mimeType } = current
    const { bytes } = file
    return await store.save(name, { mimeType, bytes, decoded: () => file.read(0, bytes) })
  }

  async function remove(name: string): Promise<void> {
    await files.remove(name).catch((err: unknown) => log.warn({ err }, 'the earlier file of an image remains'))
  }
}

/** Whether the image would get the name that it has. */
function hasName({ isNamed, location, mimeType }: ImageRecord, { name }: SaveTarget): boolean {
  const { stem, extension } = fitExtension(name, mimeType)
  return isNamed && location === stem + extension
}
