import { Compile } from 'typebox/compile'
import { Clean } from 'typebox/value'
import { type ImageRecord, ImageRecordSchema } from '../../../schemas/image-record.ts'
import { ReportedError } from '../../errors/app-error.ts'

const validator = Compile(ImageRecordSchema)

/** Text that is not JSON: its writer was killed. What another version of the service wrote is JSON. */
export class TornRecordError extends ReportedError {
  override name = 'TornRecordError'
}

/**
 * Members that this version does not know are left out: a newer replica may have written the record.
 * @throws TornRecordError, ReportedError if the text is not the JSON of a record
 */
export function parseRecord(text: string): ImageRecord {
  const value = jsonOf(text)
  if (validator.Check(value)) return value
  const cleaned = Clean(ImageRecordSchema, value)
  if (!validator.Check(cleaned)) throw new ReportedError('the record is invalid')
  return cleaned
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new TornRecordError('the record is not JSON')
  }
}
