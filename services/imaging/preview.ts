import { createBase64Decoder, decodedCapacity } from '../bytes/base64-decoder.ts'
import { type Base64Image, encodeImage } from '../bytes/base64-image.ts'
import { hasCredentials } from './content-credentials.ts'
import type { PixelClaim } from './pixel-claim.ts'
import { renderPreview, type TransformOptions } from './transform.ts'

export interface PreviewOptions extends TransformOptions {
  /** Characters of the preview's base64; `MAX_PREVIEW_ENCODED` for a standard preview. */
  maxEncodedBytes: number
  claim: PixelClaim
}

export interface Preview {
  image: Base64Image
  /** Whether the original has Content Credentials (C2PA). A preview never has. */
  hasCredentials: boolean
}

/**
 * A preview of a buffered image, see `renderPreview`. The image is not changed.
 * @throws ServiceError if no preview can be made
 */
export async function createPreview(image: Base64Image, options: PreviewOptions): Promise<Preview> {
  const { maxEncodedBytes, claim } = options
  const source = await decodeFile(image)
  const { bytes, ...facts } = await renderPreview(source, options, claim, { maxEncoded: maxEncodedBytes })
  return { image: encodeImage(bytes, facts), hasCredentials: await hasCredentials(image) }
}

/** The file of a buffered image in memory. */
export async function decodeFile(image: Base64Image): Promise<Buffer> {
  const bytes = Buffer.alloc(image.bytes + decodedCapacity(4))
  const decoder = createBase64Decoder()
  let length = 0
  for await (const chunk of image.chunks()) length += decoder.write(chunk, bytes.subarray(length))
  decoder.end()
  return bytes.subarray(0, length)
}
