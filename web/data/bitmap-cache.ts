/** A decoded image, of which the browser's `ImageBitmap` is one. */
export interface Decoded {
  readonly width: number
  readonly height: number
  close(): void
}

/** A bitmap that is not closed before `release()`. */
export interface BitmapLease<Bitmap extends Decoded> {
  readonly bitmap: Bitmap
  release(): void
}

export interface BitmapCache<Bitmap extends Decoded> {
  /**
   * @param load called if the bitmap is not there; its signal is aborted when no one waits for it any more
   * @param signal the caller waits no longer
   * @throws what `load` throws, or the signal's reason
   */
  lease(key: string, load: (signal: AbortSignal) => Promise<Bitmap>, signal?: AbortSignal): Promise<BitmapLease<Bitmap>>
  /** Closes the bitmaps whose keys begin like this, as soon as no one uses them; the next lease loads them again. */
  forget(prefix: string): void
  /** Of decoded pixels, in use or not. */
  readonly bytes: number
}

interface Entry<Bitmap> {
  loading: Promise<Bitmap>
  abort: AbortController
  /** Undefined: it is loading. */
  bitmap: Bitmap | undefined
  users: number
}

const bytesOf = ({ width, height }: Decoded): number => width * height * 4

/**
 * Decoded images up to a number of bytes. What is in use is never closed, and counts; of the rest the least recently used is
 * closed first.
 * @param maxBytes of pixels, four bytes each
 */
export function createBitmapCache<Bitmap extends Decoded>(maxBytes: number): BitmapCache<Bitmap> {
  /** In the order of their last use. Entries that were forgotten are not in it. */
  const entries = new Map<string, Entry<Bitmap>>()
  let bytes = 0

  const isKnown = (key: string, entry: Entry<Bitmap>): boolean => entries.get(key) === entry

  function remove(key: string, entry: Entry<Bitmap>): void {
    if (isKnown(key, entry)) entries.delete(key)
    entry.abort.abort()
    if (entry.bitmap !== undefined) {
      bytes -= bytesOf(entry.bitmap)
      entry.bitmap.close()
      entry.bitmap = undefined
    }
  }

  function trim(): void {
    for (const [key, entry] of entries) {
      if (bytes <= maxBytes) return
      if (entry.users === 0) remove(key, entry)
    }
  }

  function start(key: string, load: (signal: AbortSignal) => Promise<Bitmap>): Entry<Bitmap> {
    const abort = new AbortController()
    const entry: Entry<Bitmap> = { loading: load(abort.signal), abort, bitmap: undefined, users: 0 }
    entry.loading.then(
      (bitmap) => {
        if (abort.signal.aborted) return bitmap.close()
        entry.bitmap = bitmap
        bytes += bytesOf(bitmap)
        trim()
      },
      () => remove(key, entry),
    )
    return entry
  }

  /** @returns a function that may be called more than once */
  function use(key: string, entry: Entry<Bitmap>): () => void {
    entry.users++
    let isUsed = true
    return () => {
      if (!isUsed) return
      isUsed = false
      entry.users--
      if (entry.users === 0 && (entry.bitmap === undefined || !isKnown(key, entry))) remove(key, entry)
      trim()
    }
  }

  return {
    async lease(key, load, signal) {
      signal?.throwIfAborted()
      const entry = entries.get(key) ?? start(key, load)
      entries.delete(key)
      entries.set(key, entry)
      const release = use(key, entry)
      const { promise, reject } = Promise.withResolvers<never>()
      const onAbort = () => reject(signal?.reason)
      signal?.addEventListener('abort', onAbort)
      try {
        return { bitmap: await Promise.race([entry.loading, promise]), release }
      } catch (error) {
        release()
        throw error
      } finally {
        signal?.removeEventListener('abort', onAbort)
      }
    },
    forget(prefix) {
      for (const [key, entry] of entries) {
        if (!key.startsWith(prefix)) continue
        entries.delete(key)
        if (entry.users === 0) remove(key, entry)
      }
    },
    get bytes() {
      return bytes
    },
  }
}
