import type { Sharp } from 'sharp'
import { ServiceError, serviceError } from '../errors/errors.ts'
import { isSideways } from './headers/exif-orientation.ts'
import { bytesOf, cutOff, type FirstImage, type ImageHeader } from './headers/header.ts'
import { formatNames } from './image-header.ts'
import type { PixelClaim } from './pixel-claim.ts'
import { freeMemory, type PixelWork, turn } from './pixel-work.ts'
import type { InputImage } from './types.ts'

/** The caller of a conversion. Converted images are freed when the scope ends. */
export interface PreparationClaim extends PixelClaim {
  scope: DisposableStack
}

export interface ImageConverter {
  /**
   * Converts a probed image to a format that Azure accepts. An upright 8-bit PNG or JPEG in RGB or greyscale is returned
   * unchanged, as the same Buffer; a JPEG with further images or garbage is reduced to the bytes of its first image.
   * Anything else is converted: opaque photographs to JPEG, the rest to PNG. The orientation tag is replaced by rotated
   * pixels, since some decoders apply it and others do not.
   * @throws ServiceError as `PixelWork.render` and `PixelWork.retain`; `IMG_ERR_IMAGE_BROKEN`, `IMG_ERR_IMAGE_CONVERTED`
   */
  prepare(bytes: Buffer, header: ImageHeader, claim: PreparationClaim): Promise<InputImage>
}

/** https://learn.microsoft.com/azure/foundry/openai/reference-preview-latest: "less than 50MB". */
const MAX_CONVERTED_BYTES = 50_000_000
/**
 * Visually lossless, with colour at full resolution. Huffman codes are not optimised, since the encoder would have to hold
 * the whole image at twice the size of its pixels.
 */
const JPEG_QUALITY = 95
const PNG_COMPRESSION = 6

export function createImageConverter(pixels: PixelWork): ImageConverter {
  return {
    async prepare(bytes, header, claim) {
      const { mimeType, width, height } = header
      const own = stillBytes(bytes, header)
      if (header.firstImage?.lacksEnd) await checkIsComplete(own, header, pixels, claim)
      const isStill = isPlain(header) && header.frames === 1 && header.orientation === 1
      const isAccepted = mimeType === 'image/png' || mimeType === 'image/jpeg'
      if (isStill && isAccepted && own.length < MAX_CONVERTED_BYTES) {
        return { bytes: own, mimeType, width, height }
      }
      return await convert(own, header, pixels, claim)
    },
  }
}

/** The bytes of a file that make up its first image. */
export function stillBytes(bytes: Buffer, { firstImage }: ImageHeader): Buffer {
  return firstImage === undefined ? bytes : ownBytes(bytes, firstImage)
}

/** Whether Azure accepts the pixel format. A PNG of 1, 2 or 4 bits is accepted like one of 8. */
export function isPlain({ mimeType, bitDepth, isCmyk, isUnusual }: ImageHeader): boolean {
  return (mimeType === 'image/png' || mimeType === 'image/jpeg') && bitDepth <= 8 && !isCmyk && !isUnusual
}

const END_OF_JPEG = Buffer.from([0xff, 0xd9])

function ownBytes(bytes: Buffer, { ranges, lacksEnd }: FirstImage): Buffer {
  return bytesOf(bytes, ranges, lacksEnd ? END_OF_JPEG : undefined)
}

/** Many encoders omit a JPEG's end marker. Only a decoder can tell such a file from a truncated one. */
async function checkIsComplete(
  bytes: Buffer,
  header: ImageHeader,
  pixels: PixelWork,
  claim: PixelClaim,
): Promise<void> {
  try {
    // Extracting one column decodes every row, including the last; shrink-on-load would skip rows.
    const height = isSideways(header.orientation) ? header.width : header.height
    const column = (image: Sharp) => image.extract({ left: 0, top: 0, width: 1, height }).raw()
    await pixels.render(bytes, header, claim, column, { failOn: 'warning' })
  } catch (error) {
    if (!(error instanceof ServiceError && error.code === 'IMG_ERR_IMAGE_CONVERSION')) throw error
    throw serviceError('IMG_ERR_IMAGE_BROKEN', [formatNames[header.mimeType], cutOff], { cause: error })
  }
}

async function convert(
  bytes: Buffer,
  header: ImageHeader,
  pixels: PixelWork,
  claim: PreparationClaim,
): Promise<InputImage> {
  // If only the orientation is wrong, colours and profile are preserved.
  const upright = (image: Sharp) =>
    isPlain(header)
      ? turn(image, header.orientation).keepIccProfile()
      : turn(image, header.orientation).toColourspace('srgb')
  const asJpeg = (image: Sharp) =>
    upright(image).jpeg({ quality: JPEG_QUALITY, chromaSubsampling: '4:4:4', optimiseCoding: false })
  const asPng = (image: Sharp) => upright(image).png({ compressionLevel: PNG_COMPRESSION })
  const isPhoto = header.isLossy && !header.hasAlpha
  let { data, info } = await pixels.render(bytes, header, claim, isPhoto ? asJpeg : asPng)
  if (data.length >= MAX_CONVERTED_BYTES && !header.hasAlpha && !isPhoto) {
    freeMemory(data)
    ;({ data, info } = await pixels.render(bytes, header, claim, asJpeg))
  }
  if (data.length >= MAX_CONVERTED_BYTES) {
    const { length } = data
    freeMemory(data)
    throw serviceError('IMG_ERR_IMAGE_CONVERTED', [length, MAX_CONVERTED_BYTES])
  }
  pixels.retain(data, claim.scope)
  const mimeType = info.format === 'jpeg' ? 'image/jpeg' : 'image/png'
  return { bytes: data, mimeType, width: info.width, height: info.height }
}
