/**
 * Azure's error texts for the log. They may quote a prompt or a key in any form: truncated, escaped, encoded, in another
 * script. So only plain words that occur in no secret are shown; everything else is masked.
 */

/** Characters of a masked text. */
const MAX_LENGTH = 500
/** Characters of Azure's text that are processed. */
const MAX_INPUT_LENGTH = 16_384
/** Characters of a secret that are compared; prompts are shorter. */
const MAX_SECRET_LENGTH = 65_536
/** Consecutive letters that identify a word of a secret. */
const MIN_SHARED_LETTERS = 3
const MIN_WORD_LENGTH = 2
const MAX_WORD_LENGTH = 20
/** Consecutive letters that identify an encoding of a secret. */
const ENCODED_LETTERS = 8

/**
 * Azure's text with every word masked that may come from a secret.
 *
 * @param secrets keys, tokens, the prompt
 */
export function maskText(text: string, secrets: readonly string[]): string {
  const guard = createGuard(secrets)
  // Anything but plain words (escapes, encodings, other scripts) is masked without further checks.
  const masked = text
    .slice(0, MAX_INPUT_LENGTH)
    .split(/(?:[\s,;:!?()[\]{}"'`<>]|\.(?=\s|$))+/)
    .filter((word) => word !== '')
    .map((word) => (isPlainWord(word) && !guard.isShared(word) ? word : '…'))
    .join(' ')
    .replace(/…(?: …)*/g, '…')
    .trim()
  return masked.length > MAX_LENGTH ? `${masked.slice(0, MAX_LENGTH)}…` : masked
}

/** Characters of a secret by which a quotation is found. Shorter secrets may stand in any text by chance. */
const QUOTE_LETTERS = { min: 8, max: 20 }

/**
 * Azure's text without its quotations of a secret, whole or cut off at the end, in any case, escaped or not: what a prompt
 * says must not decide what an error means.
 *
 * @param secrets as in `maskText`
 */
export function withoutQuotes(text: string, secrets: readonly string[]): string {
  const forms = new Set(secrets.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)]))
  return [...forms].reduce((rest, form) => withoutQuote(rest, form.trim()), text)
}

function withoutQuote(text: string, secret: string): string {
  if (secret.length < QUOTE_LETTERS.min) return text
  const lower = text.toLowerCase()
  // A few letters have a longer form in lower case, which would move all places behind them.
  const [searched, known] = lower.length === text.length ? [lower, secret.toLowerCase()] : [text, secret]
  const start = known.slice(0, QUOTE_LETTERS.max)
  let kept = ''
  let from = 0
  for (let at = searched.indexOf(start); at !== -1; at = searched.indexOf(start, from)) {
    kept += text.slice(from, at)
    from = endOfQuote(searched, at + start.length, known, start.length)
  }
  return kept + text.slice(from)
}

/** Where the text stops to repeat a secret, but for the backslashes of escapes. */
function endOfQuote(text: string, from: number, secret: string, quoted: number): number {
  let [at, next] = [from, quoted]
  while (next < secret.length) {
    if (text[at] === '\\') at++
    else if (secret[next] === '\\') next++
    else if (text[at] === secret[next]) [at, next] = [at + 1, next + 1]
    else break
  }
  return at
}

/**
 * Azure's id of a request; `undefined` if it may be or contain a secret.
 *
 * @param secrets as in `maskText`
 */
export function safeId(id: string, secrets: readonly string[]): string | undefined {
  if (!/^[\w-]{1,64}$/.test(id)) return undefined
  const guard = createGuard(secrets)
  const parts = id.split(/[-_]/).filter((part) => part.length >= MIN_SHARED_LETTERS)
  return guard.isEncoded(id) || parts.some((part) => guard.isWhole(part)) ? undefined : id
}

/** A word of a language or a small number, as opposed to an encoding or an identifier. */
function isPlainWord(word: string): boolean {
  if (/^\d{1,4}$/.test(word)) return true
  return word.length >= MIN_WORD_LENGTH && word.length <= MAX_WORD_LENGTH && /^(?:[A-Z]?[a-z]+|[A-Z]+)$/.test(word)
}

interface EchoGuard {
  /** The word, or a part of it, occurs in a secret, forwards or backwards. */
  isShared(word: string): boolean
  /** The whole word occurs in a secret. */
  isWhole(word: string): boolean
  /** A longer part of the word occurs in a secret, plain, in hexadecimal or in base64. */
  isEncoded(word: string): boolean
}

function createGuard(secrets: readonly string[]): EchoGuard {
  const texts = secrets.filter((secret) => secret.trim() !== '').map((secret) => secret.slice(0, MAX_SECRET_LENGTH))
  const letters = texts.map(lettersOf)
  const known = [...letters, ...letters.map((text) => [...text].reverse().join(''))].join('\n')
  // Any three letters may match by chance, so only the beginnings of a secret's words are compared.
  const beginnings = once(
    () => new Set(texts.flatMap((text) => wordsOf(text).map((word) => word.slice(0, MIN_SHARED_LETTERS)))),
  )
  const encoded = once(() => [known, ...texts.flatMap(encodingsOf)].join('\n'))
  return {
    isShared(word) {
      const plain = lettersOf(word)
      return known.includes(plain) || windows(plain, MIN_SHARED_LETTERS).some((part) => beginnings().has(part))
    },
    isWhole: (word) => known.includes(lettersOf(word)),
    isEncoded: (word) => windows(lettersOf(word), ENCODED_LETTERS).some((part) => encoded().includes(part)),
  }
}

function once<T>(compute: () => T): () => T {
  let result: { value: T } | undefined
  return () => {
    result ??= { value: compute() }
    return result.value
  }
}

/** All substrings of a length. */
function windows(text: string, length: number): string[] {
  return Array.from({ length: Math.max(0, text.length - length + 1) }, (_, at) => text.slice(at, at + length))
}

/** Letters and digits only, without case and accents. */
function lettersOf(text: string): string {
  return text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '')
}

function wordsOf(text: string): string[] {
  return text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .split(/[^\p{L}\p{N}]+/u)
}

/** Base64 in its three alignments, and hexadecimal. */
function encodingsOf(text: string): string[] {
  const bytes = Buffer.from(text)
  const aligned = [0, 1, 2].map((from) => lettersOf(bytes.subarray(from).toString('base64')))
  return [...aligned, bytes.toString('hex')]
}
