import type { ImageRecord } from '../../schemas/image-record.ts'
import type { Base64Image } from '../bytes/base64-image.ts'
import type { MaybePromise } from '../bytes/maybe-promise.ts'
import { ignoreInputError, serviceError } from '../errors/errors.ts'
import { type LibraryAccess, mayUse } from './access.ts'
import type { ImageStore } from './image-store.ts'
import type { Library } from './library.ts'

/**
 * Named images by their names. A file with a record belongs to the owner of the image, any other file is everyone's.
 */

/** Clocks of storage and replicas differ, and an image is there a moment before its record. */
const MARGIN_MS = 60_000

/** A file of the store. */
interface NamedFile {
  /** As `resolve` returns it: a link between folders is another name of an image. */
  name: string
  /** Milliseconds since 1970; undefined: there is no file. */
  modifiedAt(): MaybePromise<number | undefined>
}

/**
 * The record of a file; undefined: it is everyone's.
 * @throws ServiceError `IMG_ERR_STORE_MISSING` for an image that the caller may not use, or of which that is not known yet;
 *   `IMG_ERR_LIBRARY_SEARCH`
 */
export async function recordOfFile(
  library: Pick<Library, 'recordsOfName' | 'completeUntil'>,
  { name, modifiedAt }: NamedFile,
  access: LibraryAccess,
): Promise<ImageRecord | undefined> {
  const records = await library.recordsOfName(name)
  const exact = records.find(({ location }) => location === name)
  const meant = exact === undefined ? records : [exact]
  if (!meant.every(({ owner }) => mayUse(access, owner))) throw serviceError('IMG_ERR_STORE_MISSING', [])
  if (exact === undefined && access.uses === 'own') {
    // Another replica may have made it, whose records this index gets later.
    const until = await library.completeUntil()
    const isEveryones = until === Number.POSITIVE_INFINITY || ((await modifiedAt()) ?? until) < until - MARGIN_MS
    if (!isEveryones) throw serviceError('IMG_ERR_STORE_MISSING', [])
  }
  return exact
}

/** An image that was opened by its name. */
export interface NamedImage {
  /** The receiver must dispose it. */
  image: Base64Image
  /** Absent: a file without a record. */
  record?: ImageRecord
}

interface NamedImageSource {
  store: Pick<ImageStore, 'resolve' | 'read' | 'files'>
  /** Undefined: images have names only. */
  library: Library | undefined
}

/**
 * Opens the image that a client named.
 * @param names that the client may mean, the likeliest first
 * @returns undefined if there is none, as for another caller's image
 * @throws ServiceError if the store or the index cannot be read
 */
export async function readNamed(
  source: NamedImageSource,
  names: readonly string[],
  access: LibraryAccess,
): Promise<NamedImage | undefined> {
  for (const name of names) {
    const found = await readName(source, name, access).catch(ignoreInputError)
    if (found !== undefined) return found
  }
  return undefined
}

async function readName(
  { store, library }: NamedImageSource,
  name: string,
  access: LibraryAccess,
): Promise<NamedImage> {
  if (library === undefined) return { image: await store.read(name) }
  // The name may begin like a path of another kind, such as ~.
  const target = await store.resolve(`./${name}`)
  async function modifiedAt(): Promise<number | undefined> {
    await using file = await store.files.open(target.name)
    return file?.modifiedAt
  }
  const record = await recordOfFile(library, { name: target.name, modifiedAt }, access)
  return { image: await store.read(target.name), ...(record && { record }) }
}
