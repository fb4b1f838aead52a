/**
 * Caches an async result for `ttlMs`, by default for good, and shares a running call among concurrent callers. Rejections
 * are not cached: whatever is loaded once for all calls must not fail them all because it failed once.
 *
 * @param now milliseconds on a monotonic clock
 */
export function cachePromise<T>(
  load: () => Promise<T>,
  ttlMs = Number.POSITIVE_INFINITY,
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
