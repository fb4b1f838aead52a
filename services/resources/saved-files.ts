import type { ImageRecord } from '../../schemas/image-record.ts'
import type { ImageMimeType } from '../bytes/base64-image.ts'
import { ignoreInputError } from '../errors/errors.ts'
import type { LibraryAccess } from '../library/access.ts'
import type { ImageStore, StoredImage } from '../library/image-store.ts'
import { imageUri } from '../library/image-uri.ts'
import type { Library } from '../library/library.ts'
import { recordOfFile } from '../library/named-images.ts'
import type { Resource, ResourcePage } from './types.ts'

/** The files of the store that are images, newest first. */
export interface SavedFiles {
  /** A page may be shorter than `size`, or empty, and yet have a next one. @param withNamed whether images with records are listed too */
  page(size: number, cursor: string | undefined, access: LibraryAccess, withNamed: boolean): Promise<ResourcePage>
}

/** Pages of the store that are searched for one of this list, because a folder may be full of files that are no images. */
const MAX_PAGES = 10
const MAX_FORMATS = 10_000

export function createSavedFiles(store: Pick<ImageStore, 'list' | 'read'>, library: Library | undefined): SavedFiles {
  /** Formats of the files that were opened lately, by name, size and time. */
  const formats = new Map<string, Promise<ImageMimeType | undefined>>()

  /** The format of an image's content; undefined if it cannot be read. */
  async function formatOf(image: StoredImage): Promise<ImageMimeType | undefined> {
    const key = JSON.stringify([image.name, image.bytes, image.modifiedAt])
    const known = formats.get(key)
    if (known !== undefined) return await known
    if (formats.size >= MAX_FORMATS) formats.clear()
    const found = readFormat(image.name)
    formats.set(key, found)
    const format = await found
    // The failure may be temporary.
    if (format === undefined) formats.delete(key)
    return format
  }

  async function readFormat(name: string): Promise<ImageMimeType | undefined> {
    try {
      await using opened = await store.read(name)
      return opened.mimeType
    } catch {
      return undefined
    }
  }

  async function isListed(
    { name, modifiedAt }: StoredImage,
    access: LibraryAccess,
    withNamed: boolean,
  ): Promise<boolean> {
    if (library === undefined || (withNamed && access.uses === 'all')) return true
    const file = { name, modifiedAt: () => modifiedAt }
    const isWanted = (record: ImageRecord | undefined) => withNamed || record === undefined
    return (await recordOfFile(library, file, access).then(isWanted).catch(ignoreInputError)) ?? false
  }

  return {
    async page(size, from, access, withNamed) {
      const resources: Resource[] = []
      let cursor = from
      for (let pages = 0; pages < MAX_PAGES; pages++) {
        const page = await store.list({ limit: size - resources.length, ...(cursor === undefined ? {} : { cursor }) })
        // One after another: many requests at once must not open many files each.
        for (const image of page.images) {
          const mimeType = (await isListed(image, access, withNamed)) ? await formatOf(image) : undefined
          // What is listed can be read.
          if (mimeType !== undefined) resources.push(describeFile({ ...image, mimeType }))
        }
        cursor = page.nextCursor
        if (cursor === undefined || resources.length === size) break
      }
      return { resources, ...(cursor === undefined ? {} : { nextCursor: cursor }) }
    },
  }
}

function describeFile({ name, mimeType, bytes, modifiedAt }: StoredImage): Resource {
  return {
    uri: imageUri(name),
    name,
    mimeType,
    size: bytes,
    annotations: { lastModified: new Date(modifiedAt).toISOString() },
  }
}
