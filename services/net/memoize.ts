/** Results that are cached: a few clients send nearly all requests. */
const MAX_RESULTS = 64
/** Longer texts are not cached. */
const MAX_LENGTH = 256

/** Caches the results of a pure function of a text, for headers and addresses that most requests repeat. */
export function memoize<T>(compute: (text: string) => T): (text: string) => T {
  const results = new Map<string, T>()
  return function memoized(text) {
    const known = results.get(text)
    if (known !== undefined) return known
    const result = compute(text)
    if (text.length > MAX_LENGTH) return result
    if (results.size === MAX_RESULTS) results.clear()
    results.set(text, result)
    return result
  }
}
