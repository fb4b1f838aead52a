import { pipeline } from 'node:stream/promises'
import { createDeflate } from 'node:zlib'
import { serviceError } from '../errors/errors.ts'
import type { PreparationClaim } from './convert.ts'
import type { ImageHeader } from './headers/header.ts'
import { checkClaim, type PixelClaim } from './pixel-claim.ts'
import { freeMemory, type PixelWork, turn } from './pixel-work.ts'
import { encodePng } from './png.ts'
import { formatSize, isSameSize } from './size.ts'
import type { InputImage, Size } from './types.ts'

/** https://learn.microsoft.com/azure/foundry/openai/reference-preview-latest: "less than 4MB". */
export const MAX_MASK_BYTES = 4 * 1024 * 1024
const RGBA_BYTES = 4
/** Approximate size of the chunks in which rows are deflated. */
const CHUNK_BYTES = 65_536

export interface Region extends Size {
  x: number
  y: number
}

/**
 * A mask from the client, checked, and converted to an upright RGBA PNG if it is not one.
 *
 * @throws ServiceError `IMG_ERR_MASK`; as `PixelWork.render` and `PixelWork.retain`
 */
export async function maskOfImage(
  bytes: Buffer,
  header: ImageHeader,
  image: Size,
  pixels: PixelWork,
  claim: PreparationClaim,
): Promise<InputImage> {
  const { width, height } = header
  checkMaskFile(header, bytes)
  if (!isSameSize(header, image)) {
    const sizes = `it is ${formatSize(header)}, the image ${formatSize(image)}`
    throw serviceError('IMG_ERR_MASK', [`must be as large as the upright image (${sizes})`])
  }
  await checkHasTransparency(bytes, header, pixels, claim)
  const { bitDepth, frames, orientation, isRgba } = header
  if (isRgba && bitDepth === 8 && frames === 1 && orientation === 1)
    return { bytes, mimeType: 'image/png', width, height }
  const { data } = await pixels.render(bytes, header, claim, (mask) =>
    turn(mask, orientation).toColourspace('srgb').ensureAlpha().png(),
  )
  pixels.retain(data, claim.scope)
  checkMaskBytes(data)
  return { bytes: data, mimeType: 'image/png', width, height }
}

/** What can be checked of a mask without its pixels and its image. @throws ServiceError `IMG_ERR_MASK` */
export function checkMaskFile({ mimeType, hasAlpha }: ImageHeader, file: { length: number }): void {
  if (mimeType !== 'image/png' || !hasAlpha) throw serviceError('IMG_ERR_MASK', ['must be a PNG with transparency'])
  checkMaskBytes(file)
}

function checkMaskBytes({ length }: { length: number }): void {
  if (length >= MAX_MASK_BYTES) throw serviceError('IMG_ERR_MASK', ['must be smaller than 4 MB'])
}

/** With an opaque mask the model could not change anything, and the call would be billed. */
async function checkHasTransparency(
  bytes: Buffer,
  header: ImageHeader,
  pixels: PixelWork,
  claim: PixelClaim,
): Promise<void> {
  const extraBytes = header.width * header.height
  const { data } = await pixels.render(bytes, header, claim, (mask) => mask.extractChannel('alpha').raw(), {
    extraBytes,
  })
  const isTransparent = data.includes(0)
  freeMemory(data)
  if (!isTransparent) {
    throw serviceError('IMG_ERR_MASK', ['has no fully transparent pixel, so there is nothing that may be painted'])
  }
}

/**
 * A mask that lets the model change a rectangle of the upright image. Its rows are compressed in chunks off the event
 * loop: those of a large image take two hundred megabytes.
 *
 * @throws ServiceError `IMG_ERR_MASK`; as `PixelWork.paint`
 */
export async function maskOfRegion(
  { x, y, width, height }: Region,
  image: Size,
  pixels: PixelWork,
  claim: PixelClaim,
): Promise<InputImage> {
  if (x + width > image.width || y + height > image.height) {
    throw serviceError('IMG_ERR_MASK', [`must lie inside the image, which is ${formatSize(image)}`])
  }
  const opaqueRow = Buffer.alloc(1 + image.width * RGBA_BYTES, 0xff)
  // Each row begins with its filter type, none.
  opaqueRow[0] = 0
  const openRow = Buffer.from(opaqueRow)
  for (let column = x; column < x + width; column++) openRow[RGBA_BYTES + column * RGBA_BYTES] = 0
  function* rows() {
    yield* repeated(opaqueRow, y, claim)
    yield* repeated(openRow, height, claim)
    yield* repeated(opaqueRow, image.height - y - height, claim)
  }
  const deflated: Buffer[] = []
  await pixels.paint(claim, () =>
    pipeline(rows, createDeflate({ level: 1 }), async (chunks) => {
      for await (const chunk of chunks) deflated.push(chunk)
    }),
  )
  const bytes = encodePng(image, Buffer.concat(deflated))
  return { bytes, mimeType: 'image/png', width: image.width, height: image.height }
}

function* repeated(row: Buffer, count: number, claim: PixelClaim): Generator<Buffer> {
  const rowsOfChunk = Math.min(count, Math.max(1, Math.floor(CHUNK_BYTES / row.length)))
  const chunk = Buffer.alloc(rowsOfChunk * row.length, row)
  for (let remaining = count; remaining > 0; remaining -= rowsOfChunk) {
    checkClaim(claim)
    yield chunk.subarray(0, Math.min(remaining, rowsOfChunk) * row.length)
  }
}
