import { StudioError } from '../bridge/studio-error.ts'
import { type BitmapLease, createBitmapCache } from './bitmap-cache.ts'
import type { ImageFile, StudioData } from './studio-data.ts'

export type Lease = BitmapLease<ImageBitmap>

/** Decoded images. Most screens use the hook `useBitmap` (parts/use-bitmap.ts) or `<ImageView>` instead. */
export interface Bitmaps {
  /**
   * @param maxEdge pixels of the longer side: a smaller version is loaded; absent: the whole image
   * @returns release it as soon as it is not shown any more
   * @throws StudioError
   */
  lease(id: string, maxEdge?: number, signal?: AbortSignal): Promise<Lease>
  /** After an image was deleted. */
  forget(id: string): void
}

/** Of decoded pixels: two images of 12 megapixels and many thumbnails. What is on the screen counts, but is never closed. */
const MAX_BYTES = 160 * 1024 * 1024

export function createBitmaps(data: Pick<StudioData, 'file'>): Bitmaps {
  const cache = createBitmapCache<ImageBitmap>(MAX_BYTES)
  return {
    lease: (id, maxEdge, signal) =>
      cache.lease(`${id}/${maxEdge ?? ''}`, async (isWanted) => decode(await data.file(id, maxEdge, isWanted)), signal),
    forget: (id) => cache.forget(`${id}/`),
  }
}

/** No `<img>`: hosts forbid it for bytes. The orientation of photos is applied, as the service does. */
async function decode({ bytes, mimeType }: ImageFile): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(new Blob([bytes], { type: mimeType }))
  } catch {
    throw new StudioError('protocol')
  }
}
