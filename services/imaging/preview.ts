import { createBase64Decoder, decodedCapacity } from '../bytes/base64-decoder.ts'
import { type Base64Image, encodeImage } from '../bytes/base64-image.ts'
import { serviceError } from '../errors/errors.ts'
import { type ImageLimits, probeImageInTurns } from './image-probe.ts'
import type { PixelClaim } from './pixel-claim.ts'
import { type PixelWork, turn } from './pixel-work.ts'

/** Smaller previews are useless. */
const MIN_EDGE = 32
const QUALITY = 82
/**
 * The description box of a C2PA manifest store and the beginning of its type, the same in every image format.
 * https://spec.c2pa.org/specifications/specifications/2.2/specs/C2PA_Specification.html#_c2pa_box_details
 */
const CREDENTIALS = 'jumdc2pa'

export interface PreviewOptions {
  /** Characters of the preview's base64. */
  maxEncodedBytes: number
  /** Limits of the image, except for its bytes. */
  limits: Omit<ImageLimits, 'maxBytes'>
  pixels: PixelWork
  claim: PixelClaim
}

export interface Preview {
  image: Base64Image
  /** Whether the original has Content Credentials (C2PA). A preview never has. */
  hasCredentials: boolean
}

/**
 * A JPEG of the image, upright and within the size limit; transparency becomes white. The image is checked like an input
 * image and not changed.
 * @throws ServiceError if no preview can be made
 */
export async function createPreview(image: Base64Image, options: PreviewOptions): Promise<Preview> {
  const { maxEncodedBytes, limits, pixels, claim } = options
  const source = await decode(image)
  const header = await probeImageInTurns(source, { ...limits, maxBytes: source.length }, claim)
  const { width, height, orientation } = header
  // A JPEG takes about a third of a byte per pixel, so the first scale fits most images.
  let scale = Math.min(1, Math.sqrt((maxEncodedBytes * 3 * 0.75) / (width * height)))
  while (Math.max(width, height) * scale >= MIN_EDGE) {
    const size = { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) }
    const { data } = await pixels.render(source, header, claim, (decoded) =>
      turn(decoded, orientation)
        .resize({ ...size, fit: 'fill' })
        .flatten({ background: '#ffffff' })
        .jpeg({ quality: QUALITY }),
    )
    const preview = encodeImage(data, { mimeType: 'image/jpeg', ...size })
    if (preview.encodedBytes <= maxEncodedBytes) {
      return { image: preview, hasCredentials: source.includes(CREDENTIALS) }
    }
    scale *= Math.min(0.9, Math.sqrt(maxEncodedBytes / preview.encodedBytes))
  }
  throw serviceError('IMG_ERR_IMAGE_CONVERTER', [])
}

async function decode(image: Base64Image): Promise<Buffer> {
  const bytes = Buffer.alloc(image.bytes + decodedCapacity(4))
  const decoder = createBase64Decoder()
  let length = 0
  for await (const chunk of image.chunks()) length += decoder.write(chunk, bytes.subarray(length))
  decoder.end()
  return bytes.subarray(0, length)
}
