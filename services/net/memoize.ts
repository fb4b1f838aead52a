/** Texts kept; a few callers send nearly all requests. */
const MAX_TEXTS = 64
/** Longer texts are not kept. */
const MAX_LENGTH = 256

/** A pure function of a header that remembers its answers, since most requests repeat the headers of the one before. */
export function remember<T>(answer: (text: string) => T): (text: string) => T {
  const answers = new Map<string, T>()
  return function answerOrRemember(text) {
    const known = answers.get(text)
    if (known !== undefined) return known
    const found = answer(text)
    if (text.length > MAX_LENGTH) return found
    if (answers.size === MAX_TEXTS) answers.clear()
    answers.set(text, found)
    return found
  }
}
