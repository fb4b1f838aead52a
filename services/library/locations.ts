import path from 'node:path'
import type { ImageMimeType } from '../bytes/base64-image.ts'
import { fitExtension } from './file-extension.ts'
import { isImageId, timeOfId } from './image-id.ts'
import { LIBRARY_FOLDER } from './image-store.ts'

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
