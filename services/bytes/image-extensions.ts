import type { ImageRecord } from '../../schemas/image-record.ts'

/** Extensions by format, without the dot, for the service and its page; new files get the first one. */
export const imageExtensions: Readonly<Record<ImageRecord['mimeType'], readonly [string, ...string[]]>> = {
  'image/png': ['png'],
  'image/jpeg': ['jpg', 'jpeg', 'jpe', 'jfif'],
  'image/webp': ['webp'],
  'image/gif': ['gif'],
  'image/svg+xml': ['svg'],
}

/** Of a new file, without the dot; `bin` for what is no image. */
export function extensionOf(mimeType: string): string {
  const known = Object.entries(imageExtensions).find(([each]) => each === mimeType)
  return known?.[1][0] ?? 'bin'
}

/** The name of a format as models and clients call it: `jpeg` and `svg`. */
export const formatNameOf = (mimeType: ImageRecord['mimeType']): string =>
  mimeType.slice('image/'.length).replace('+xml', '')
