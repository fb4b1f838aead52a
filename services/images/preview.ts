import { serviceError } from '../errors.ts'
import { type EncodedImage, encodeImage } from './encoded-image.ts'

/** Edges below this show nothing. */
const MIN_EDGE = 32
const QUALITY = 82

/**
 * A JPEG of the picture whose base64 has at most `maxEncodedBytes` characters; transparency becomes white. The picture
 * itself stays as it is.
 * @throws ServiceError `IMG_ERR_IMAGE_CONVERTER` when no preview can be made
 */
export async function createPreview(image: EncodedImage, maxEncodedBytes: number): Promise<EncodedImage> {
  try {
    const { default: sharp } = await import('sharp')
    const source = await decode(image)
    // The first guess is good for most pictures: a JPEG takes about a third of a byte a pixel.
    let scale = Math.min(1, Math.sqrt((maxEncodedBytes * 3 * 0.75) / (image.width * image.height)))
    while (Math.max(image.width, image.height) * scale >= MIN_EDGE) {
      const { data, info } = await sharp(source)
        .resize(Math.max(1, Math.round(image.width * scale)), Math.max(1, Math.round(image.height * scale)), {
          fit: 'fill',
        })
        .flatten({ background: '#ffffff' })
        .jpeg({ quality: QUALITY })
        .toBuffer({ resolveWithObject: true })
      const preview = encodeImage(data, { mimeType: 'image/jpeg', width: info.width, height: info.height })
      if (preview.encodedBytes <= maxEncodedBytes) return preview
      scale *= Math.min(0.9, Math.sqrt(maxEncodedBytes / preview.encodedBytes))
    }
  } catch (cause) {
    throw serviceError('IMG_ERR_IMAGE_CONVERTER', [], { cause })
  }
  throw serviceError('IMG_ERR_IMAGE_CONVERTER', [])
}

async function decode(image: EncodedImage): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of image.chunks()) pieces.push(piece)
  return Buffer.from(Buffer.concat(pieces).toString('latin1'), 'base64')
}
