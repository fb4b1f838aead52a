import type { ImageRecord } from '../../schemas/image-record.ts'
import type { LibraryAccess } from '../library/access.ts'
import { timesOfIdPrefix } from '../library/image-id.ts'
import { uriOfId } from '../library/image-reference.ts'
import type { Library } from '../library/library.ts'
import { oneLine } from '../library/output-path.ts'
import type { Resource, ResourcePage } from './types.ts'

/** Characters of a prompt that stand for an image. */
const MAX_TITLE_LENGTH = 80

/** A page of the images that the caller may list. The index alone is asked: one whose bytes are gone is listed as well. */
export async function libraryPage(
  library: Library,
  limit: number,
  cursor: string | undefined,
  access: LibraryAccess,
): Promise<ResourcePage> {
  const { records, nextCursor } = await library.find({ limit, cursor }, access)
  return { resources: records.map(describeRecord), ...(nextCursor === undefined ? {} : { nextCursor }) }
}

function describeRecord({ id, isNamed, location, prompt, mimeType, bytes, createdAt }: ImageRecord): Resource {
  const title = oneLine(prompt ?? '', MAX_TITLE_LENGTH)
  return {
    uri: uriOfId(id),
    name: isNamed ? location : id,
    ...(title === '' ? {} : { title }),
    mimeType,
    size: bytes,
    annotations: { lastModified: new Date(createdAt).toISOString() },
  }
}

/** Ids of the newest images that the caller may list and that match what it has typed: the beginning of an id, or words. */
export async function completeIds(
  library: Library,
  typed: string,
  limit: number,
  access: LibraryAccess,
): Promise<readonly string[]> {
  if (!access.canList) return []
  const text = typed.trim()
  const prefix = text.toLowerCase()
  const times = timesOfIdPrefix(prefix)
  const { records } = await library.find(times === undefined ? { text, limit } : { ...times, limit }, access)
  const ids = records.map(({ id }) => id)
  return times === undefined ? ids : ids.filter((id) => id.startsWith(prefix))
}
