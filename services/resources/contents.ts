import type { Base64Image } from '../bytes/base64-image.ts'
import type { CallContext, ResourceContents } from '../calls/types.ts'
import type { ImageLimits } from '../imaging/image-probe.ts'
import type { PixelWork } from '../imaging/pixel-work.ts'
import { createPreview, type Preview } from '../imaging/preview.ts'
import { formatSize } from '../imaging/size.ts'
import { previewLimit } from '../imaging/transform.ts'

export interface ContentsOptions {
  /** Characters of base64; a larger image is returned as a preview, for transports without large messages. 0: unlimited. */
  maxEncodedBytes: number
  pixels: PixelWork
  /** Limits of the images of which previews are made. */
  imageLimits: Omit<ImageLimits, 'maxBytes'>
}

/** The image, or in its place a preview and a text that says where the image is. @param where the whole image is */
export async function wholeContents(
  uri: string,
  image: Base64Image,
  where: string,
  options: ContentsOptions | undefined,
  context: CallContext,
): Promise<ResourceContents[]> {
  const max = options?.maxEncodedBytes ?? 0
  if (options === undefined || max === 0 || image.encodedBytes <= max) {
    return [toBlob(uri, image)]
  }
  const preview = await previewOf(image, max, options, context).catch(() => undefined)
  const lost = preview?.hasCredentials ? ' without its Content Credentials' : ''
  const shown = preview === undefined ? '' : `; this is a preview${lost}`
  const text = `The image of ${formatSize(image)} is too large for this connection${shown}. ${where}`
  const note: ResourceContents = { uri, mimeType: 'text/plain', text }
  return preview === undefined ? [note] : [toBlob(uri, preview.image), note]
}

/** A preview. @throws ServiceError if none can be made */
export async function previewContents(
  uri: string,
  image: Base64Image,
  options: ContentsOptions,
  context: CallContext,
): Promise<ResourceContents[]> {
  const preview = await previewOf(image, previewLimit(options.maxEncodedBytes), options, context)
  return [toBlob(uri, preview.image)]
}

function toBlob(uri: string, image: Base64Image): ResourceContents {
  return { uri, mimeType: image.mimeType, blob: image }
}

async function previewOf(
  image: Base64Image,
  maxEncodedBytes: number,
  { pixels, imageLimits: limits }: ContentsOptions,
  { caller, deadlineAt, signal }: CallContext,
): Promise<Preview> {
  const claim = { caller: caller.id, deadlineAt, signal }
  return await createPreview(image, { maxEncodedBytes, limits, pixels, claim })
}
