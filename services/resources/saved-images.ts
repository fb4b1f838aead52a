import { ServiceError } from '../errors/errors.ts'
import type { ImageStore, StoredImage } from '../library/image-store.ts'
import type { Resource, ResourceSource, ResourceTemplate } from '../mcp/catalog.ts'

/** Names may hold folders, hence the reserved expansion. https://www.rfc-editor.org/rfc/rfc6570#section-3.2.3 */
export const pictureTemplate = {
  uriTemplate: 'image:///{+path}',
  name: 'saved-picture',
  title: 'Saved picture',
  description: 'A picture that was saved with output_path, by its name inside the pictures folder.',
} satisfies ResourceTemplate

/** The variable of the template above. */
export const PICTURE_VARIABLE = 'path'

const PREFIX = 'image:///'
const PAGE_SIZE = 50

/** The URI of a saved picture; `name` is relative to the store, with `/` between folders. */
export function pictureUri(name: string): string {
  return PREFIX + name.split('/').map(encodeURIComponent).join('/')
}

/** The saved pictures as resources, newest first. Reading is confined by the store, exactly as writing is. */
export function createSavedPictures(store: Pick<ImageStore, 'list' | 'read'>): ResourceSource {
  return {
    templates: [pictureTemplate],
    async list(cursor) {
      const page = await store.list({ limit: PAGE_SIZE, ...(cursor === undefined ? {} : { cursor }) })
      const resources = page.images.map(describe)
      return { resources, ...(page.nextCursor === undefined ? {} : { nextCursor: page.nextCursor }) }
    },
    async read(uri) {
      const name = parseUri(uri)
      if (name === undefined) return undefined
      try {
        const image = await store.read(name)
        return [{ uri, mimeType: image.mimeType, blob: image }]
      } catch (error) {
        // Missing, outside, hidden or no picture: all of it does not exist for a caller.
        if (error instanceof ServiceError && error.family === 'input') return undefined
        throw error
      }
    },
  }
}

function describe({ name, mimeType, bytes, modifiedAt }: StoredImage): Resource {
  return {
    uri: pictureUri(name),
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
    // An encoded slash or a dot-segment would name another file than it seems to.
    return parts.every((part) => part !== '' && part !== '.' && part !== '..' && !part.includes('/'))
      ? parts.join('/')
      : undefined
  } catch {
    return undefined
  }
}
