import { ServiceError } from '../errors/errors.ts'
import type { ImageStore, StoredImage } from '../library/image-store.ts'
import { IMAGE_URI_TEMPLATE, imageUri, nameOfImageUri } from '../library/image-uri.ts'
import type { Resource, ResourceSource, ResourceTemplate } from './types.ts'

const template: ResourceTemplate = {
  uriTemplate: IMAGE_URI_TEMPLATE,
  name: 'saved-image',
  title: 'Saved image',
  description: 'An image that was saved with output_path, by its name in the images folder.',
}

const PAGE_SIZE = 50

/** The saved images as resources, newest first. The store confines reading to its folder. */
export function createSavedImages(store: Pick<ImageStore, 'list' | 'read'>): ResourceSource {
  return {
    templates: [template],
    async list(cursor) {
      const page = await store.list({ limit: PAGE_SIZE, ...(cursor === undefined ? {} : { cursor }) })
      const resources = page.images.map(describe)
      return { resources, ...(page.nextCursor === undefined ? {} : { nextCursor: page.nextCursor }) }
    },
    async read(uri, scope) {
      const name = nameOfImageUri(uri)
      if (name === undefined) return undefined
      try {
        const image = scope.use(await store.read(name))
        return [{ uri, mimeType: image.mimeType, blob: image }]
      } catch (error) {
        // Missing, outside the folder, hidden or not an image: for a client the resource does not exist.
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
