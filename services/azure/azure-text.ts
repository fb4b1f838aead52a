/**
 * Azure's own words, for the log. They may quote a prompt or a key in any form: cut, escaped, encoded, in other letters.
 * So a word is shown only if it is a plain one that no secret text has; everything else is masked.
 */

/** Characters of a masked text. */
const maxLength = 500
/** Characters of Azure's text that are looked at. */
const maxLookedAt = 16_384
/** Characters of a secret text that are compared; prompts are shorter. */
const maxSecretLength = 65_536
/** Letters in a row by which a longer word is recognised. */
const minSharedLetters = 3
const minWordLength = 2
const maxWordLength = 20

/**
 * Azure's text with every word masked that may come from one of the secret texts.
 *
 * @param secrets texts that must not be recognised afterwards: keys, tokens, the prompt
 */
export function maskText(text: string, secrets: readonly string[]): string {
  const guard = createGuard(secrets)
  // Whatever is not written in plain words (escapes, encodings, other scripts) is not looked into.
  const masked = text
    .slice(0, maxLookedAt)
    .split(/(?:[\s,;:!?()[\]{}"'`<>]|\.(?=\s|$))+/)
    .filter((word) => word !== '')
    .map((word) => (isPlainWord(word) && !guard.isShared(word) ? word : '…'))
    .join(' ')
    .replace(/…(?: …)*/g, '…')
    .trim()
  return masked.length > maxLength ? `${masked.slice(0, maxLength)}…` : masked
}

/**
 * Azure's name for an exchange, unless it may be something else.
 *
 * @param secrets as above
 */
export function safeId(id: string, secrets: readonly string[]): string | undefined {
  if (!/^[\w-]{1,64}$/.test(id)) return undefined
  const guard = createGuard(secrets)
  const parts = id.split(/[-_]/).filter((part) => part.length >= minSharedLetters)
  return guard.isEncoded(id) || parts.some((part) => guard.isWhole(part)) ? undefined : id
}

/** A word of a language or a small number: not an encoding, an identifier or a name. */
function isPlainWord(word: string): boolean {
  if (/^\d{1,4}$/.test(word)) return true
  return word.length >= minWordLength && word.length <= maxWordLength && /^(?:[A-Z]?[a-z]+|[A-Z]+)$/.test(word)
}

interface EchoGuard {
  /** The word, or a part of it, is in a secret text, forwards or backwards. */
  isShared(word: string): boolean
  /** The whole word is in a secret text. */
  isWhole(word: string): boolean
  /** A longer part of the word is in a secret text, plain, in hexadecimal digits or in base64. */
  isEncoded(word: string): boolean
}

function createGuard(secrets: readonly string[]): EchoGuard {
  const texts = secrets.filter((secret) => secret.trim() !== '').map((secret) => secret.slice(0, maxSecretLength))
  const letters = texts.map(lettersOf)
  const known = [...letters, ...letters.map((text) => [...text].reverse().join(''))].join('\n')
  // Three letters in a row are shared by chance; those that a word of the secret begins with are not.
  const beginnings = new Set(texts.flatMap((text) => wordsOf(text).map((word) => word.slice(0, minSharedLetters))))
  const encoded = [known, ...texts.flatMap(encodingsOf)].join('\n')
  return {
    isShared(word) {
      const plain = lettersOf(word)
      return known.includes(plain) || windows(plain, minSharedLetters).some((part) => beginnings.has(part))
    },
    isWhole: (word) => known.includes(lettersOf(word)),
    isEncoded: (word) => windows(lettersOf(word), 8).some((part) => encoded.includes(part)),
  }
}

function windows(text: string, length: number): string[] {
  return Array.from({ length: Math.max(0, text.length - length + 1) }, (_, at) => text.slice(at, at + length))
}

/** Letters and digits alone, without case and accents. */
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

/** The three ways in which base64 can be aligned, and hexadecimal digits. */
function encodingsOf(text: string): string[] {
  const bytes = Buffer.from(text)
  const aligned = [0, 1, 2].map((from) => lettersOf(bytes.subarray(from).toString('base64')))
  return [...aligned, bytes.toString('hex')]
}
