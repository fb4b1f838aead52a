/**
 * Words by which images are found. Both indexes store and look up these terms, so that they find the same images; neither
 * sees the text itself.
 */

/** Terms of one text: prompts are long, and later words distinguish little. */
const MAX_TERMS = 512
/** Characters of one term; longer words are cut, in texts and in queries alike. */
const MAX_TERM_LENGTH = 40

/** Scripts that are written without spaces between words. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u
const WORD = /[\p{L}\p{N}\p{M}]+/gu

/** The terms of a text that is to be found. */
export function termsOfText(text: string): string[] {
  return [...new Set(words(text).flatMap(({ text: word, isUnspaced }) => (isUnspaced ? pairs(word) : [word])))].slice(
    0,
    MAX_TERMS,
  )
}

/** A term of a query; `isPrefix`: longer terms that begin with it match too. */
export interface QueryTerm {
  term: string
  isPrefix: boolean
}

/** The terms that a text must have to match a query. Words match longer words that begin with them (`fox`, `foxes`). */
export function termsOfQuery(query: string): QueryTerm[] {
  const terms = words(query).flatMap(({ text, isUnspaced }): QueryTerm[] => {
    if (!isUnspaced) return [{ term: text, isPrefix: true }]
    const [first, ...rest] = pairs(text)
    // The last pair of a text is followed by its last character, which a query does not require.
    const complete = [first, ...rest].slice(0, -1)
    const required = complete.length === 0 ? [first] : complete
    return required.filter((term) => term !== undefined).map((term) => ({ term, isPrefix: complete.length === 0 }))
  })
  return [...new Map(terms.map((term) => [term.term, term])).values()].slice(0, MAX_TERMS)
}

function words(text: string): { text: string; isUnspaced: boolean }[] {
  const normal = text
    .normalize('NFKD')
    .replaceAll(/[\u0300-\u036f]/g, '')
    .normalize('NFC')
    .toLowerCase()
  return (normal.match(WORD) ?? []).flatMap(splitByScript)
}

/** A run such as `3D风格` has spaced and unspaced parts. */
function splitByScript(word: string): { text: string; isUnspaced: boolean }[] {
  const parts: { text: string; isUnspaced: boolean }[] = []
  for (const character of word) {
    const isUnspaced = UNSPACED.test(character)
    const last = parts.at(-1)
    if (last?.isUnspaced === isUnspaced) last.text += character
    else parts.push({ text: character, isUnspaced })
  }
  return parts.map((part) =>
    part.isUnspaced ? part : { ...part, text: [...part.text].slice(0, MAX_TERM_LENGTH).join('') },
  )
}

/** Each character with its successor, and the last one alone: `红狐狸` has 红狐, 狐狸 and 狸. */
function pairs(run: string): string[] {
  const characters = [...run]
  return characters.map((character, place) => character + (characters[place + 1] ?? ''))
}
