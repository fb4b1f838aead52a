import path from 'node:path'
import { type ImageMimeType, imageMimeTypes } from '../bytes/base64-image.ts'
import { extensionOf, imageExtensions } from '../bytes/image-extensions.ts'

/** Extensions of images that the service never writes. */
const otherExtensions = ['.bmp', '.tif', '.tiff', '.avif', '.heic', '.heif', '.ico', '.jxl', '.apng']

/** The format by a file name's extension. */
export function mimeTypeOfName(name: string): ImageMimeType | undefined {
  const extension = path.extname(name).slice(1).toLowerCase()
  return imageMimeTypes.find((mimeType) => imageExtensions[mimeType].includes(extension))
}

/**
 * Splits a name into stem and extension so that the extension matches the content: a correct one is preserved, another
 * image extension is replaced, anything else belongs to the stem (`v1.2` becomes `v1.2.png`).
 */
export function fitExtension(name: string, mimeType: ImageMimeType): { stem: string; extension: string } {
  const written = path.extname(name)
  if (mimeTypeOfName(name) === mimeType) return { stem: name.slice(0, -written.length), extension: written }
  const isImage = mimeTypeOfName(name) !== undefined || otherExtensions.includes(written.toLowerCase())
  return { stem: isImage ? name.slice(0, -written.length) : name, extension: `.${extensionOf(mimeType)}` }
}
