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

/** What models put around an id or URI. */
const WRAPPING: ReadonlySet<string> = new Set(' \t\r\n"\'`<>()[]{}“”‘’.,;')
const LAST = /^(?:image:\/\/)?last\/?$/i
/** An id in a longer text, such as the line of a result or the address of a file. */
const ID_IN_TEXT = /(?<![0-9a-z_])img_[0-9a-z]{26}(?![0-9a-z_])/gi
/** Of a name of the store with every byte encoded. */
const MAX_TEXT_CHARACTERS = 16_384

/**
 * Undefined: the text is no reference, or may mean several images. Models copy ids in upper case, with quotes, and with the
 * words around them.
 */
export function parseImageReference(text: string): ImageReference | undefined {
  if (text.length > MAX_TEXT_CHARACTERS) return undefined
  const reference = unwrap(text)
  if (LAST.test(reference)) return { kind: 'last' }
  const id = idOfUri(reference)
  if (id !== undefined) return { kind: 'id', id }
  const names = [text.trim(), reference].map(namesOfImageUri).find(({ length }) => length > 0)
  if (names !== undefined) return { kind: 'file', names }
  const [found, another] = idsIn(text)
  return found === undefined || another !== undefined ? undefined : { kind: 'id', id: found }
}

function unwrap(text: string): string {
  let [start, end] = [0, text.length]
  while (start < end && WRAPPING.has(text.charAt(start))) start++
  while (end > start && WRAPPING.has(text.charAt(end - 1))) end--
  return text.slice(start, end)
}

function idsIn(text: string): string[] {
  const ids = Array.from(text.matchAll(ID_IN_TEXT), ([id]) => id.toLowerCase())
  return [...new Set(ids)].filter(isImageId)
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
