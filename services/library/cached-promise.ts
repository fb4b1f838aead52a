/**
 * Caches an async result for `ttlMs` and shares a running call among concurrent callers. Rejections are not cached.
 *
 * @param now milliseconds on a monotonic clock
 */
export function cachePromise<T>(
  load: () => Promise<T>,
  ttlMs: number,
  now = () => performance.now(),
): () => Promise<T> {
  let result: Promise<T> | undefined
  let expiresAt = Number.POSITIVE_INFINITY

  async function reload(): Promise<T> {
    try {
      const value = await load()
      expiresAt = now() + ttlMs
      return value
    } catch (error) {
      result = undefined
      throw error
    }
  }

  return function cached() {
    if (result === undefined || now() >= expiresAt) {
      expiresAt = Number.POSITIVE_INFINITY
      result = reload()
    }
    return result
  }
}
