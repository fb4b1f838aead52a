import type { ImageRecord } from '../../schemas/image-record.ts'
import type { Base64Image } from '../bytes/base64-image.ts'
import { serviceError } from '../errors/errors.ts'
import { type LibraryAccess, mayUse } from './access.ts'
import type { ImageStore } from './image-store.ts'
import type { Library } from './library.ts'

/**
 * Named images by their names. A file with a record belongs to the owner of the image, any other file is everyone's.
 */

/**
 * The record of a name; undefined: a file that is everyone's.
 * @param name as `resolve` returns it: a link between folders is another name of an image
 * @throws ServiceError `IMG_ERR_STORE_MISSING` for an image that the caller may not use
 */
export async function recordOfName(
  library: Pick<Library, 'recordsOfName'>,
  name: string,
  access: LibraryAccess,
): Promise<ImageRecord | undefined> {
  const records = await library.recordsOfName(name)
  const exact = records.find(({ location }) => location === name)
  const meant = exact === undefined ? records : [exact]
  if (!meant.every(({ owner }) => mayUse(access, owner))) throw serviceError('IMG_ERR_STORE_MISSING', [])
  return exact
}

/**
 * Opens an image by its name, which a client chose. The receiver must dispose the image.
 * @throws ServiceError as `ImageStore.resolve` and `ImageStore.read`; another caller's image is missing
 */
export async function readNamed(
  { store, library }: { store: Pick<ImageStore, 'resolve' | 'read'>; library: Library | undefined },
  name: string,
  access: LibraryAccess,
): Promise<{ image: Base64Image; record?: ImageRecord }> {
  if (library === undefined) return { image: await store.read(name) }
  // The name may begin like a path of another kind, such as ~.
  const target = await store.resolve(`./${name}`)
  const record = await recordOfName(library, target.name, access)
  return { image: await store.read(target.name), ...(record && { record }) }
}
