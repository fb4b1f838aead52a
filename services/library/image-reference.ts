import { isImageId } from './image-id.ts'
import { namesOfImageUri } from './image-uri.ts'

/** What a client means by a text that stands for a stored image. */
export type ImageReference =
  | { kind: 'id'; id: string }
  /** The caller's newest image. */
  | { kind: 'last' }
  /** A file of the store, by the names that a URI may mean, the likeliest first. */
  | { kind: 'file'; names: readonly string[] }

/** Libraries write the URI with and without the empty path: `image://img_…`, `image://img_…/`. */
const ID_URI = /^image:\/\/(img_[0-9a-z]{26})\/?$/i

/** The id in a URI of the library. */
export function idOfUri(uri: string): string | undefined {
  const id = ID_URI.exec(uri)?.[1]?.toLowerCase()
  return id !== undefined && isImageId(id) ? id : undefined
}

/** Undefined: the text is no reference. Models copy ids with spaces and in upper case. */
export function parseImageReference(text: string): ImageReference | undefined {
  const reference = text.trim()
  if (reference.toLowerCase() === 'last') return { kind: 'last' }
  const id = idOfUri(reference) ?? reference.toLowerCase()
  if (isImageId(id)) return { kind: 'id', id }
  const names = namesOfImageUri(reference)
  return names.length === 0 ? undefined : { kind: 'file', names }
}

const PREVIEW = '/preview'

/** The id in the URI of a preview. */
export function idOfPreviewUri(uri: string): string | undefined {
  return uri.endsWith(PREVIEW) ? idOfUri(uri.slice(0, -PREVIEW.length)) : undefined
}

/** The templates of these URIs. */
export const ID_URI_TEMPLATE = 'image://{id}'
export const PREVIEW_URI_TEMPLATE = `${ID_URI_TEMPLATE}${PREVIEW}`
/** The variable of both. */
export const ID_URI_VARIABLE = 'id'

/** The URI of an image of the library. */
export const uriOfId = (id: string): string => `image://${id}`
