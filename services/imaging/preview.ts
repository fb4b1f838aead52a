import { createBase64Decoder, decodedCapacity } from '../bytes/base64-decoder.ts'
import { type Base64Image, encodeImage } from '../bytes/base64-image.ts'
import type { PixelClaim } from './pixel-claim.ts'
import { renderPreview, type TransformOptions } from './transform.ts'

/**
 * The description box of a C2PA manifest store and the beginning of its type, the same in every image format.
 * https://spec.c2pa.org/specifications/specifications/2.2/specs/C2PA_Specification.html#_c2pa_box_details
 */
const CREDENTIALS = 'jumdc2pa'

export interface PreviewOptions extends TransformOptions {
  /** Characters of the preview's base64, if less than those of a standard preview. */
  maxEncodedBytes: number
  claim: PixelClaim
}

export interface Preview {
  image: Base64Image
  /** Whether the original has Content Credentials (C2PA). A preview never has. */
  hasCredentials: boolean
}

/**
 * The standard preview of a buffered image, see `renderPreview`. The image is not changed.
 * @throws ServiceError if no preview can be made
 */
export async function createPreview(image: Base64Image, options: PreviewOptions): Promise<Preview> {
  const { maxEncodedBytes, claim } = options
  const source = await decode(image)
  const { bytes, ...facts } = await renderPreview(source, options, claim, maxEncodedBytes)
  return { image: encodeImage(bytes, facts), hasCredentials: source.includes(CREDENTIALS) }
}

async function decode(image: Base64Image): Promise<Buffer> {
  const bytes = Buffer.alloc(image.bytes + decodedCapacity(4))
  const decoder = createBase64Decoder()
  let length = 0
  for await (const chunk of image.chunks()) length += decoder.write(chunk, bytes.subarray(length))
  decoder.end()
  return bytes.subarray(0, length)
}
