import path from 'node:path'
import type { ImageRecord } from '../../schemas/image-record.ts'
import type { ImageMimeType } from '../bytes/base64-image.ts'
import { fitExtension, mimeTypeOfName } from './file-extension.ts'
import { isImageId, positionOfId, timeOfId } from './image-id.ts'
import { LIBRARY_FOLDER } from './image-store.ts'
import { isReadableName } from './output-path.ts'

/** Where the files of the library are: names relative to the store, with `/` between folders. */

/** The folder of an unnamed image: `.library/yyyy/mm/dd`, of the id's time in UTC. */
function folderOfId(id: string): string {
  const [date = ''] = new Date(timeOfId(id)).toISOString().split('T')
  return `${LIBRARY_FOLDER}/${date.replaceAll('-', '/')}`
}

/** The file of an image without a name. */
export function unnamedLocation(id: string, mimeType: ImageMimeType): string {
  return `${folderOfId(id)}/${id}${fitExtension('', mimeType).extension}`
}

/** The record of an image without a name: the id alone finds it. */
export const unnamedRecordName = (id: string): string => `${folderOfId(id)}/${id}.json`

/** The record beside an image: `.library/…/{id}.json`, or the hidden file `.{id}.json` beside a named image. */
export function recordName({ id, isNamed, location }: { id: string; isNamed: boolean; location: string }): string {
  return isNamed ? path.posix.join(path.posix.dirname(location), `.${id}.json`) : unnamedRecordName(id)
}

/** The id of the image whose record has this name; undefined if it is the name of no record. */
export function idOfRecordName(name: string): string | undefined {
  const file = path.posix.basename(name)
  if (!file.endsWith('.json')) return undefined
  const stem = file.slice(0, -'.json'.length)
  const id = name.startsWith(`${LIBRARY_FOLDER}/`) ? stem : stem.slice(1)
  return isImageId(id) && (id === stem || stem === `.${id}`) ? id : undefined
}

/** The id of the unnamed image whose file has this name; undefined if it is another file. */
export function idOfUnnamedImage(name: string): string | undefined {
  const id = path.posix.basename(name, path.posix.extname(name))
  const mimeType = mimeTypeOfName(name)
  return mimeType !== undefined && isImageId(id) && unnamedLocation(id, mimeType) === name ? id : undefined
}

/**
 * Whether a record is where it must be and names the image beside it. One that other programs copied, moved or wrote could
 * otherwise make the library read, or remove, any file of the store.
 */
export function isAtItsPlace(
  record: Pick<ImageRecord, 'id' | 'isNamed' | 'location' | 'mimeType'>,
  name: string,
): boolean {
  const { id, isNamed, location, mimeType } = record
  const isPlain = isNamed ? isReadableName(location) : location === unnamedLocation(id, mimeType)
  // An index cannot list what is made in a far future.
  return isPlain && Number.isSafeInteger(positionOfId(id)) && recordName(record) === name
}
