import type { ImageRecord } from '../../../schemas/image-record.ts'
import { ReportedError } from '../../errors/app-error.ts'
import type { LibraryFiles } from '../image-store.ts'
import { isAtItsPlace } from '../locations.ts'
import { parseRecord } from './parse-record.ts'

/**
 * The record in a file of the store. Undefined: there is no such file.
 * @throws ReportedError if it has no record, or one of another place; ServiceError `IMG_ERR_STORE_UNREADABLE`
 */
export async function readRecord(files: LibraryFiles, name: string): Promise<ImageRecord | undefined> {
  const text = await files.readText(name)
  if (text === undefined) return undefined
  const record = parseRecord(text)
  if (!isAtItsPlace(record, name)) throw new ReportedError('the record is of another place')
  return record
}
