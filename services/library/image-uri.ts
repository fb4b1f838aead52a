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

/** The name in a URI; `undefined` if it is no URI of an image. */
export function nameOfImageUri(uri: string): string | undefined {
  if (!uri.startsWith(PREFIX)) return undefined
  try {
    const parts = uri.slice(PREFIX.length).split('/').map(decodeURIComponent)
    // An encoded slash or a dot segment would name another file than it appears to.
    const isPlain = parts.every((part) => part !== '' && part !== '.' && part !== '..' && !part.includes('/'))
    return isPlain ? parts.join('/') : undefined
  } catch {
    return undefined
  }
}
