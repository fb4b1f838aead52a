import { Readable } from 'node:stream'
import { createDeflate } from 'node:zlib'
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
 * A mask that lets the model paint inside a rectangle, for callers that cannot draw one. Compressed row by row off the
 * event loop: the rows of a large picture are a hundred megabytes.
 *
 * @throws ServiceError IMG_ERR_MASK
 */
export async function maskOfRegion({ x, y, width, height }: Region, picture: Size): Promise<InputImage> {
  if (x + width > picture.width || y + height > picture.height) {
    throw serviceError('IMG_ERR_MASK', [`must lie inside the picture, which is ${picture.width}x${picture.height}`])
  }
  const kept = Buffer.alloc(1 + picture.width * 2, 0xff)
  // Each row begins with its filter type, none; a pixel is a grey and an opacity.
  kept[0] = 0
  const open = Buffer.from(kept)
  for (let column = x; column < x + width; column++) open[2 + column * 2] = 0
  function* rows() {
    for (let row = 0; row < picture.height; row++) yield row >= y && row < y + height ? open : kept
  }
  const deflated: Buffer[] = await Readable.from(rows()).pipe(createDeflate()).toArray()
  const bytes = encodePng(picture, Buffer.concat(deflated))
  return { bytes, mimeType: 'image/png', width: picture.width, height: picture.height }
}
