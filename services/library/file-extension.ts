import path from 'node:path'
import type { ImageMimeType } from '../bytes/base64-image.ts'

/** Endings of each format; the first is the one given to new files. */
const extensions: Readonly<Record<ImageMimeType, readonly [string, ...string[]]>> = {
  'image/png': ['.png'],
  'image/jpeg': ['.jpg', '.jpeg', '.jpe', '.jfif'],
  'image/webp': ['.webp'],
  'image/gif': ['.gif'],
}

const otherExtensions = ['.bmp', '.tif', '.tiff', '.avif', '.heic', '.heif', '.svg', '.ico', '.jxl', '.apng']

/** What a file's ending says that it is. */
export function mimeTypeOfName(name: string): ImageMimeType | undefined {
  const extension = path.extname(name).toLowerCase()
  for (const mimeType of Object.keys(extensions) as ImageMimeType[]) {
    if (extensions[mimeType].includes(extension)) return mimeType
  }
  return undefined
}

/**
 * Splits a name into stem and ending such that the ending fits the bytes: a right one stays as written, a wrong image
 * ending is replaced, anything else is part of the stem (`v1.2` becomes `v1.2.png`).
 */
export function fitExtension(name: string, mimeType: ImageMimeType): { stem: string; extension: string } {
  const written = path.extname(name)
  if (mimeTypeOfName(name) === mimeType) return { stem: name.slice(0, -written.length), extension: written }
  const isImage = mimeTypeOfName(name) !== undefined || otherExtensions.includes(written.toLowerCase())
  return { stem: isImage ? name.slice(0, -written.length) : name, extension: extensions[mimeType][0] }
}
