import { createHash, type Hash } from 'node:crypto'
import type { ImageSource } from './image-store.ts'

/** What is learnt of an image while its bytes pass. */
export interface ImageDigest {
  /** In hexadecimal. */
  sha256: string
  /** Whether it carries Content Credentials (C2PA). */
  hasCredentials: boolean
}

/** An image that is examined while it is written. Start and end of the last complete pass count: a write may be repeated. */
export function observeImage(image: ImageSource): {
  source: ImageSource
  /** @throws Error before all bytes have passed */
  digest(): ImageDigest
} {
  let hash: Hash | undefined
  return {
    source: {
      mimeType: image.mimeType,
      bytes: image.bytes,
      async *decoded(pool, chunkBytes) {
        const current = createHash('sha256')
        for await (const chunk of image.decoded(pool, chunkBytes)) {
          current.update(chunk)
          yield chunk
        }
        hash = current
      },
    },
    digest() {
      if (hash === undefined) throw new Error('the image has not been read')
      return { sha256: hash.digest('hex'), hasCredentials: false }
    },
  }
}
