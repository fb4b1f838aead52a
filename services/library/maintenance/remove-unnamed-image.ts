import type { ImageRecord } from '../../../schemas/image-record.ts'
import { recordName } from '../locations.ts'
import type { Stored } from './reindex.ts'

/**
 * Removes an unnamed image from the library. If its owner names it meanwhile, what has the name stays. The bytes go first and
 * the index entry last: what a kill in between leaves is still listed, so that the next attempt finishes it. Files that are
 * open for reading stay readable on a local disk.
 * @throws ServiceError `IMG_ERR_STORE_UNWRITABLE`, `_FAILED`; DatabaseUnavailableError
 */
export async function removeUnnamedImage({ files, index }: Stored, record: ImageRecord): Promise<void> {
  await files.remove(record.location)
  await files.remove(recordName(record))
  await index.removeUnnamed(record.id)
}
