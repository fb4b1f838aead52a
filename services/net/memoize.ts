/** Texts kept; a few callers send nearly all requests. */
const MAX_TEXTS = 64
/** Longer texts are not kept. */
const MAX_LENGTH = 256

/** A pure function of a header that remembers its responses, since most requests repeat the headers of the one before. */
export function memoize<T>(response: (text: string) => T): (text: string) => T {
  const responses = new Map<string, T>()
  return function memoized(text) {
    const known = responses.get(text)
    if (known !== undefined) return known
    const found = response(text)
    if (text.length > MAX_LENGTH) return found
    if (responses.size === MAX_TEXTS) responses.clear()
    responses.set(text, found)
    return found
  }
}
