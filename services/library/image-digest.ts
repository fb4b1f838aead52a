import { createHash, type Hash } from 'node:crypto'
import { createCredentialsScanner } from '../imaging/content-credentials.ts'
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
  let seen: { hash: Hash; hasCredentials: boolean } | undefined
  return {
    source: {
      mimeType: image.mimeType,
      bytes: image.bytes,
      async *decoded(pool, chunkBytes) {
        const hash = createHash('sha256')
        const credentials = createCredentialsScanner()
        for await (const chunk of image.decoded(pool, chunkBytes)) {
          hash.update(chunk)
          credentials.write(chunk)
          yield chunk
        }
        seen = { hash, hasCredentials: credentials.found === true }
      },
    },
    digest() {
      if (seen === undefined) throw new Error('the image has not been read')
      return { sha256: seen.hash.digest('hex'), hasCredentials: seen.hasCredentials }
    },
  }
}
