import { serviceError } from '../errors/errors.ts'
import { InlineBlob } from './json/inline-blob.ts'

/**
 * The image that a client sends as text: base64 (RFC 4648 §4) or base64url (§5), bare or in a data URL (RFC 2397), with or
 * without padding; spaces and line breaks are skipped.
 */

/** The longest header of a data URL that is read, in characters. */
const maxHeaderLength = 1024
/** No file system takes a longer path, so that a longer text is not checked for being one. */
const maxPathLength = 4096

export interface Base64Limits {
  /** Bytes of the decoded image. */
  maxBytes: number
}

/**
 * The bytes of an image argument. Time is linear in the text; clean text costs one native decode. The size is checked before
 * anything is decoded. The bytes of an `InlineBlob` belong to its message.
 * @throws ServiceError `IMG_ERR_IMAGE_EMPTY`, `_IS_URL`, `_IS_PATH`, `_DATA_URL`, `_BYTES`, `_BASE64`
 */
export function decodeImageArgument(argument: string | InlineBlob, limits: Base64Limits): Buffer {
  return argument instanceof InlineBlob ? bytesOfBlob(argument, limits) : bytesOfText(argument, limits)
}

function bytesOfBlob({ header, bytes }: InlineBlob, { maxBytes }: Base64Limits): Buffer {
  withoutDataUrlHeader(header)
  if (bytes.length > maxBytes) throw serviceError('IMG_ERR_IMAGE_BYTES', [maxBytes])
  return bytes
}

function bytesOfText(text: string, { maxBytes }: Base64Limits): Buffer {
  const payload = withoutDataUrlHeader(text)
  if (isTooLong(payload, maxBytes)) throw serviceError('IMG_ERR_IMAGE_BYTES', [maxBytes])
  const bytes = decode(payload, 'base64') ?? decode(payload, 'base64url')
  if (bytes === undefined) throw rejection(payload)
  if (bytes.length === 0) throw serviceError('IMG_ERR_IMAGE_EMPTY', [])
  if (bytes.length < maxPathLength) rejectPath(payload)
  return bytes
}

/** `undefined` if a character does not belong, or the end is none; the native decoder checks both. */
function decode(text: string, alphabet: 'base64' | 'base64url'): Buffer | undefined {
  const bytes = Buffer.allocUnsafeSlow(Math.ceil((text.length * 3) / 4))
  try {
    const { written } = bytes.setFromBase64(text, { alphabet, lastChunkHandling: 'loose' })
    return bytes.subarray(0, written)
  } catch {
    return undefined
  }
}

/** Exact, but counts whitespace only when the bare length does not settle it. */
function isTooLong(text: string, maxBytes: number): boolean {
  const maxDigits = Math.ceil((maxBytes * 4) / 3)
  return text.length > maxDigits && countDigits(text) > maxDigits
}

function countDigits(text: string): number {
  let digits = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (!isWhitespace(code) && code !== codeOfEquals) digits++
  }
  return digits
}

function withoutDataUrlHeader(text: string): string {
  let start = 0
  while (start < text.length && isWhitespace(text.charCodeAt(start))) start++
  if (text.slice(start, start + 5).toLowerCase() !== 'data:') return start === 0 ? text : text.slice(start)
  const comma = text.slice(start, start + maxHeaderLength).indexOf(',')
  if (comma === -1) throw serviceError('IMG_ERR_IMAGE_DATA_URL', ['has no comma between its header and its data'])
  const [type = '', ...parameters] = text
    .slice(start + 5, start + comma)
    .split(';')
    .map((part) => part.trim().toLowerCase())
  if (parameters.at(-1) !== 'base64') throw serviceError('IMG_ERR_IMAGE_DATA_URL', ['is not base64'])
  // The bytes decide what the image is; a type is rejected only if the sender itself says that it is no image.
  if (type !== '' && type !== 'application/octet-stream' && !type.startsWith('image/')) {
    throw serviceError('IMG_ERR_IMAGE_DATA_URL', [`holds ${nameOfType(type)}, which is not an image`])
  }
  return text.slice(start + comma + 1)
}

function nameOfType(type: string): string {
  return /^[a-z0-9][a-z0-9/.+-]{0,59}$/.test(type) ? type : 'something'
}

/** What is wrong with a text that the decoder rejected. */
function rejection(text: string): Error {
  rejectPath(text)
  let digits = 0
  let padding = 0
  let alphabet: 'standard' | 'URL-safe' | undefined
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (isWhitespace(code)) continue
    if (code === codeOfEquals) {
      padding++
      continue
    }
    const kind = alphabetOf(code)
    if (kind === undefined) return base64Error(`character ${at + 1} is ${nameOfCharacter(text, at)}`)
    if (padding > 0) return base64Error(`there is more text after the padding, at character ${at + 1}`)
    if (kind !== 'both') {
      if (alphabet !== undefined && alphabet !== kind) {
        return base64Error(`it mixes the standard and the URL-safe alphabet, at character ${at + 1}`)
      }
      alphabet = kind
    }
    digits++
  }
  if (digits === 0) return base64Error('it is only padding')
  if (digits % 4 === 1) return base64Error(`it is cut off (${digits} characters cannot end there); send the whole text`)
  return base64Error(`its padding is wrong (${digits} characters followed by ${padding} "=")`)
}

function base64Error(problem: string): Error {
  return serviceError('IMG_ERR_IMAGE_BASE64', [problem])
}

/** Clients often send where an image is instead of its bytes. */
function rejectPath(text: string): void {
  if (text.length > maxPathLength) return
  if (/^(https?|ftp|blob):/i.test(text)) throw serviceError('IMG_ERR_IMAGE_IS_URL', [])
  const looksLikePath =
    /^(file:|~\/|\.{1,2}[\\/]|\\\\|[a-z]:[\\/])/i.test(text) ||
    /\.(png|jpe?g|webp|gif|bmp|tiff?|heic|avif|svg)\s*$/i.test(text) ||
    // "/9j/" is how every JPEG begins in base64.
    (/^\/[^/\s]+\/[^/\s]/.test(text) && text.length < 256 && !text.startsWith('/9j/'))
  if (looksLikePath) throw serviceError('IMG_ERR_IMAGE_IS_PATH', [])
}

const codeOfEquals = 61

/** Whitespace that the native decoder skips: https://tc39.es/ecma262/#sec-frombase64 */
function isWhitespace(code: number): boolean {
  return code === 32 || code === 10 || code === 13 || code === 9 || code === 12
}

function alphabetOf(code: number): 'both' | 'standard' | 'URL-safe' | undefined {
  if ((code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 48 && code <= 57)) return 'both'
  if (code === 43 || code === 47) return 'standard'
  if (code === 45 || code === 95) return 'URL-safe'
  return undefined
}

/** The character itself only if it is printable ASCII: the sentence goes to a model and into logs. */
function nameOfCharacter(text: string, at: number): string {
  const point = text.codePointAt(at) ?? 0
  if (point > 32 && point < 127) return `"${String.fromCodePoint(point)}"`
  return `U+${point.toString(16).toUpperCase().padStart(4, '0')}`
}
