import type { ImageRecord } from '../../schemas/image-record.ts'
import { newImageId } from '../../services/library/image-id.ts'
import { unnamedLocation } from '../../services/library/locations.ts'

/** When the image of second 0 was made. */
export const RECORDS_START = Date.UTC(2026, 10, 1)

/** The record of an unnamed image of Ann's. @param second after `RECORDS_START` */
export function imageRecord(second: number, changes: Partial<ImageRecord> = {}): ImageRecord {
  const createdAt = RECORDS_START + second * 1000
  const id = newImageId(createdAt)
  return {
    version: 1,
    id,
    createdAt,
    origin: 'generated',
    owner: 'ann',
    location: unnamedLocation(id, 'image/png'),
    isNamed: false,
    mimeType: 'image/png',
    width: 1024,
    height: 768,
    bytes: 1000,
    sha256: 'a'.repeat(64),
    hasCredentials: false,
    parents: [],
    tags: [],
    ...changes,
  }
}
