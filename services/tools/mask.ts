import { deflateSync } from 'node:zlib'
import type { InputImage, Size } from '../azure/images-client.ts'
import { serviceError } from '../errors.ts'
import type { ImageHeader } from '../images/image-header.ts'
import { encodePng } from '../images/png.ts'

/** https://learn.microsoft.com/azure/foundry/openai/reference-preview-latest: "less than 4MB". */
const maxMaskBytes = 4 * 1024 * 1024

export interface Region extends Size {
  x: number
  y: number
}

/**
 * A caller's mask, checked before it is sent.
 *
 * @throws ServiceError IMG_ERR_MASK
 */
export function maskOfPicture(bytes: Buffer, header: ImageHeader, picture: Size): InputImage {
  const { mimeType, width, height, hasAlpha } = header
  if (mimeType !== 'image/png' || !hasAlpha) throw serviceError('IMG_ERR_MASK', ['must be a PNG with transparency'])
  if (width !== picture.width || height !== picture.height) {
    const sizes = `it is ${width}x${height}, the picture ${picture.width}x${picture.height}`
    throw serviceError('IMG_ERR_MASK', [`must be as large as the picture (${sizes})`])
  }
  if (bytes.length >= maxMaskBytes) throw serviceError('IMG_ERR_MASK', ['must be smaller than 4 MB'])
  return { bytes, mimeType, width, height }
}

/**
 * A mask that lets the model paint inside a rectangle, for callers that cannot draw one.
 *
 * @throws ServiceError IMG_ERR_MASK
 */
export function maskOfRegion({ x, y, width, height }: Region, picture: Size): InputImage {
  if (x + width > picture.width || y + height > picture.height) {
    throw serviceError('IMG_ERR_MASK', [`must lie inside the picture, which is ${picture.width}x${picture.height}`])
  }
  const kept = Buffer.alloc(1 + picture.width * 2, 0xff)
  // Each row begins with its filter type, none; a pixel is a grey and an opacity.
  kept[0] = 0
  const open = Buffer.from(kept)
  for (let column = x; column < x + width; column++) open[2 + column * 2] = 0
  const rows = Buffer.concat(
    Array.from({ length: picture.height }, (_unused, row) => (row >= y && row < y + height ? open : kept)),
  )
  const bytes = encodePng(picture, deflateSync(rows))
  return { bytes, mimeType: 'image/png', width: picture.width, height: picture.height }
}
