import type { Sharp } from 'sharp'
import { ServiceError, serviceError } from '../errors/errors.ts'
import { isSideways } from './headers/exif-orientation.ts'
import { bytesOf, cutOff, type FirstImage, type ImageHeader } from './headers/header.ts'
import { formatNames } from './image-header.ts'
import type { PixelClaim } from './pixel-claim.ts'
import { freeMemory, type PixelWork, turn } from './pixel-work.ts'
import type { InputImage } from './types.ts'

/** For whom an image is prepared; what is made for it lives until the scope ends. */
export interface PreparationClaim extends PixelClaim {
  scope: DisposableStack
}

export interface ImageConverter {
  /**
   * Makes a probed image fit for Azure. An upright 8-bit PNG or JPEG with red, green and blue (or grey) passes byte for
   * byte, as the same Buffer; of a JPEG with further images or garbage in it only the first image's own bytes go on.
   * Everything else is converted: opaque photographs to JPEG, the rest to PNG. What is sent carries no orientation: some
   * decoders apply the tag and some do not, so the pixels themselves are turned.
   * @throws ServiceError as `PixelWork.render` and `PixelWork.retain`; `IMG_ERR_IMAGE_BROKEN`, `IMG_ERR_IMAGE_CONVERTED`
   */
  prepare(bytes: Buffer, header: ImageHeader, claim: PreparationClaim): Promise<InputImage>
}

/** https://learn.microsoft.com/azure/foundry/openai/reference-preview-latest: "less than 50MB". */
const MAX_CONVERTED_BYTES = 50_000_000
/**
 * With colour at full resolution: a second generation that no one sees. Codes are not optimised, since the encoder would
 * have to hold the whole image for it, twice as large as its pixels.
 */
const JPEG_QUALITY = 95
const PNG_COMPRESSION = 6

export function createImageConverter(pixels: PixelWork): ImageConverter {
  return {
    async prepare(bytes, header, claim) {
      const { mimeType, width, height } = header
      const own = header.firstImage === undefined ? bytes : ownBytes(bytes, header.firstImage)
      if (header.firstImage?.lacksEnd) await checkIsComplete(own, header, pixels, claim)
      const isStill = isPlain(header) && header.frames === 1 && header.orientation === 1
      if (isStill && (mimeType === 'image/png' || mimeType === 'image/jpeg')) {
        return { bytes: own, mimeType, width, height }
      }
      return await convert(own, header, pixels, claim)
    },
  }
}

/** Whether Azure takes its pixels as they are. A PNG of 1, 2 or 4 bits is as plain as one of 8. */
function isPlain({ mimeType, bitDepth, isCmyk, isUnusual }: ImageHeader): boolean {
  return (mimeType === 'image/png' || mimeType === 'image/jpeg') && bitDepth <= 8 && !isCmyk && !isUnusual
}

const endOfJpeg = Buffer.from([0xff, 0xd9])

function ownBytes(bytes: Buffer, { ranges, lacksEnd }: FirstImage): Buffer {
  return bytesOf(bytes, ranges, lacksEnd ? endOfJpeg : undefined)
}

/** Many writers forget the mark that ends a JPEG. Whether the file was cut off before it, only a decoder can tell. */
async function checkIsComplete(
  bytes: Buffer,
  header: ImageHeader,
  pixels: PixelWork,
  claim: PixelClaim,
): Promise<void> {
  try {
    // A column reads every row, and warns of the last one too; a decoder that shrinks does not.
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
  // Where only the orientation is wrong the colours stay as they are, their profile included.
  const shown = (image: Sharp) =>
    isPlain(header)
      ? turn(image, header.orientation).keepIccProfile()
      : turn(image, header.orientation).toColourspace('srgb')
  const asJpeg = (image: Sharp) =>
    shown(image).jpeg({ quality: JPEG_QUALITY, chromaSubsampling: '4:4:4', optimiseCoding: false })
  const asPng = (image: Sharp) => shown(image).png({ compressionLevel: PNG_COMPRESSION })
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
