import type { ImageRecord } from '../../schemas/image-record.ts'
import { newImageId, timeOfId } from '../../services/library/image-id.ts'
import { unnamedLocation } from '../../services/library/locations.ts'

/** A valid record of an image without a name. */
export function recordOf({ id = newImageId(), ...changes }: Partial<ImageRecord> = {}): ImageRecord {
  return {
    version: 1,
    id,
    createdAt: timeOfId(id),
    origin: 'generated',
    owner: 'key:ann',
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
