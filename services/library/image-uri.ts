/** URIs of saved images: `image:///` and the name in the images folder. */

/** The reserved expansion allows folders in names. https://www.rfc-editor.org/rfc/rfc6570#section-3.2.3 */
export const IMAGE_URI_TEMPLATE = 'image:///{+path}'
/** The variable of the template. */
export const IMAGE_URI_VARIABLE = 'path'

const PREFIX = 'image:///'

/** @param name relative to the store, with `/` between folders */
export function imageUri(name: string): string {
  return PREFIX + name.split('/').map(encodeURIComponent).join('/')
}

/** Libraries write the empty authority in two ways: Python's `urlunsplit` turns `image:///x` into `image:/x`. */
const IMAGE_URI = /^image:(?:\/\/)?\/(?=[^/])/i

/**
 * The names that a URI may mean, the likeliest first; none if it is no URI of an image. Clients that fill in the template
 * do not encode what looks like an escape.
 */
export function namesOfImageUri(uri: string): string[] {
  const prefix = IMAGE_URI.exec(uri)?.[0]
  if (prefix === undefined) return []
  const path = uri.slice(prefix.length)
  return [...new Set([decoded(path), path])].filter(isPlain)
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/** A dot segment would name another file than it appears to. */
function isPlain(name: string): boolean {
  return name.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
}
