/** Something happened to what a key names; who waits for it looks again. Nothing is stored for keys that no one waits for. */
export interface News<Key> {
  wake(key: Key): void
  /**
   * Resolves at the next `wake` of the key, after so many milliseconds (by default never), or when the signal fires.
   * @returns whether it was woken
   */
  wait(key: Key, signal: AbortSignal, ms?: number): Promise<boolean>
}

export function createNews<Key>(): News<Key> {
  const waiting = new Map<Key, Set<() => void>>()
  return {
    wake(key) {
      for (const resolve of waiting.get(key) ?? []) resolve()
    },
    async wait(key, signal, ms) {
      if (signal.aborted) return false
      const { promise, resolve } = Promise.withResolvers<boolean>()
      const onNews = () => resolve(true)
      const onEnd = () => resolve(false)
      const others = waiting.get(key) ?? new Set()
      waiting.set(key, others.add(onNews))
      const timer = ms === undefined ? undefined : setTimeout(onEnd, Math.max(0, ms))
      signal.addEventListener('abort', onEnd)
      try {
        return await promise
      } finally {
        clearTimeout(timer)
        signal.removeEventListener('abort', onEnd)
        others.delete(onNews)
        // Another one may have begun to wait since.
        if (others.size === 0 && waiting.get(key) === others) waiting.delete(key)
      }
    },
  }
}
