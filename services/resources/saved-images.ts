import { ServiceError } from '../errors/errors.ts'
import type { ImageStore, StoredImage } from '../library/image-store.ts'
import type { Resource, ResourceSource, ResourceTemplate } from './types.ts'

/** Names may contain folders, hence the reserved expansion. https://www.rfc-editor.org/rfc/rfc6570#section-3.2.3 */
export const imageTemplate = {
  uriTemplate: 'image:///{+path}',
  name: 'saved-image',
  title: 'Saved image',
  description: 'An image that was saved with output_path, by its name inside the images folder.',
} satisfies ResourceTemplate

/** The variable of the template above. */
export const IMAGE_VARIABLE = 'path'

const PREFIX = 'image:///'
const PAGE_SIZE = 50

/** The URI of a saved image; `name` is relative to the store, with `/` between folders. */
export function imageUri(name: string): string {
  return PREFIX + name.split('/').map(encodeURIComponent).join('/')
}

/** The saved images as resources, newest first. The store confines reading as it confines writing. */
export function createSavedImages(store: Pick<ImageStore, 'list' | 'read'>): ResourceSource {
  return {
    templates: [imageTemplate],
    async list(cursor) {
      const page = await store.list({ limit: PAGE_SIZE, ...(cursor === undefined ? {} : { cursor }) })
      const resources = page.images.map(describe)
      return { resources, ...(page.nextCursor === undefined ? {} : { nextCursor: page.nextCursor }) }
    },
    async read(uri, scope) {
      const name = parseUri(uri)
      if (name === undefined) return undefined
      try {
        const image = scope.use(await store.read(name))
        return [{ uri, mimeType: image.mimeType, blob: image }]
      } catch (error) {
        // Missing, outside, hidden or not an image: to callers such a resource does not exist.
        if (error instanceof ServiceError && error.family === 'input') return undefined
        throw error
      }
    },
  }
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

function parseUri(uri: string): string | undefined {
  if (!uri.startsWith(PREFIX)) return undefined
  try {
    const parts = uri.slice(PREFIX.length).split('/').map(decodeURIComponent)
    // An encoded slash or a dot segment could refer to another file than the URI shows.
    return parts.every((part) => part !== '' && part !== '.' && part !== '..' && !part.includes('/'))
      ? parts.join('/')
      : undefined
  } catch {
    return undefined
  }
}
