import type { Base64Image, ImageMimeType } from '../bytes/base64-image.ts'
import type { ResourceContents } from '../calls/types.ts'
import { ServiceError } from '../errors/errors.ts'
import type { ImageLimits } from '../imaging/image-probe.ts'
import type { PixelClaim } from '../imaging/pixel-claim.ts'
import type { PixelWork } from '../imaging/pixel-work.ts'
import { createPreview } from '../imaging/preview.ts'
import { formatSize } from '../imaging/size.ts'
import type { LibraryAccess } from '../library/access.ts'
import { idOfUri } from '../library/image-reference.ts'
import type { ImageStore, StoredImage } from '../library/image-store.ts'
import { IMAGE_URI_TEMPLATE, IMAGE_URI_VARIABLE, imageUri, namesOfImageUri } from '../library/image-uri.ts'
import type { Library } from '../library/library.ts'
import type { Resource, ResourceSource, ResourceTemplate } from './types.ts'

export interface SavedImages extends ResourceSource {
  /** The variable of the template, and names of the newest images for it. */
  completion: { uriTemplate: string; variable: string; names(): Promise<readonly string[]> }
}

/** For transports that cannot carry large messages. */
export interface ResourceLimit {
  /** Characters of base64; a larger image is returned as a preview. 0: unlimited. */
  maxEncodedBytes: number
  pixels: PixelWork
  /** Limits of the images of which previews are made. */
  imageLimits: Omit<ImageLimits, 'maxBytes'>
}

const template: ResourceTemplate = {
  uriTemplate: IMAGE_URI_TEMPLATE,
  name: 'saved-image',
  title: 'Saved image',
  description: 'An image that was saved with output_path, by its name in the images folder.',
}

const PAGE_SIZE = 50
const MAX_NAMES = 100
/** Pages of the store that are searched for one of this list, because a folder may be full of files that are no images. */
const MAX_PAGES = 10
const MAX_FORMATS = 10_000

interface Page {
  images: StoredImage[]
  nextCursor?: string | undefined
}

/** The saved images as resources, newest first. The store confines reading to its folder. */
export interface SavedImagesOptions {
  store: Pick<ImageStore, 'list' | 'read'>
  library?: Library | undefined
  limit?: ResourceLimit
}

export function createSavedImages({ store, library, limit }: SavedImagesOptions): SavedImages {
  async function openReference(uri: string, access: LibraryAccess): Promise<Base64Image | undefined> {
    const id = idOfUri(uri)
    if (id !== undefined) return library && (await open(async () => library.read(await library.get(id, access))))
    for (const name of namesOfImageUri(uri)) {
      const image = await open(() => store.read(name))
      if (image !== undefined) return image
    }
    return undefined
  }

  async function open(read: () => Promise<Base64Image>): Promise<Base64Image | undefined> {
    try {
      return await read()
    } catch (error) {
      // Missing, outside the folder, hidden or not an image: for a client the resource does not exist.
      if (error instanceof ServiceError && error.family === 'input') return undefined
      throw error
    }
  }

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

  /** What is listed can be read. A page may be shorter than `size`, or empty, and yet have a next one. */
  async function listReadable(size: number, from: string | undefined): Promise<Page> {
    const images: StoredImage[] = []
    let cursor = from
    for (let pages = 0; pages < MAX_PAGES; pages++) {
      const page = await store.list({ limit: size - images.length, ...(cursor === undefined ? {} : { cursor }) })
      // One after another: many requests at once must not open many files each.
      for (const image of page.images) {
        const mimeType = await formatOf(image)
        if (mimeType !== undefined) images.push({ ...image, mimeType })
      }
      cursor = page.nextCursor
      if (cursor === undefined || images.length === size) break
    }
    return { images, nextCursor: cursor }
  }

  return {
    templates: [template],
    async list(cursor) {
      const { images, nextCursor } = await listReadable(PAGE_SIZE, cursor)
      return { resources: images.map(describe), ...(nextCursor === undefined ? {} : { nextCursor }) }
    },
    completion: {
      uriTemplate: IMAGE_URI_TEMPLATE,
      variable: IMAGE_URI_VARIABLE,
      names: async () => (await listReadable(MAX_NAMES, undefined)).images.map(({ name }) => name),
    },
    async read(uri, { access, scope, caller, deadlineAt, signal }) {
      const image = await openReference(uri, access)
      if (image === undefined) return undefined
      scope.use(image)
      const isTooLarge = limit !== undefined && limit.maxEncodedBytes > 0 && image.encodedBytes > limit.maxEncodedBytes
      return isTooLarge
        ? await previewContents(uri, image, limit, { caller: caller.id, deadlineAt, signal })
        : [{ uri, mimeType: image.mimeType, blob: image }]
    },
  }
}

/** A preview and a text that says where the image is; the text alone if no preview can be made. */
async function previewContents(
  uri: string,
  image: Base64Image,
  { pixels, imageLimits: limits, maxEncodedBytes }: ResourceLimit,
  claim: PixelClaim,
): Promise<ResourceContents[]> {
  const preview = await createPreview(image, { maxEncodedBytes, limits, pixels, claim }).catch(() => undefined)
  const text: ResourceContents = {
    uri,
    mimeType: 'text/plain',
    text:
      `The image of ${formatSize(image)} is too large for this connection${preview === undefined ? '' : '; this is a preview'}. ` +
      "The whole file is in the server's images folder, under the name in the URI.",
  }
  return preview === undefined ? [text] : [{ uri, mimeType: preview.image.mimeType, blob: preview.image }, text]
}

function describe({ name, mimeType, bytes, modifiedAt }: StoredImage): Resource {
  return {
    uri: imageUri(name),
    name,
    mimeType,
    size: bytes,
    annotations: { lastModified: new Date(modifiedAt).toISOString() },
  }
}
