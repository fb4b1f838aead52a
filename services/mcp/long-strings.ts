import { randomUUID } from 'node:crypto'
import { Base64Error, createBase64Decoder, decodedCapacity } from '../images/base64-decoder.ts'

/** A string in JSON: where its text begins, and where its closing quote stands. */
export interface StringSpan {
  start: number
  end: number
}

/** Characters from which a string is worth the trouble. */
export const LONG_STRING = 65_536

/** JSON without its long base64 strings. */
export interface ShortenedJson {
  /** The JSON, with a short string in the place of each long one. */
  text: string
  /** The long strings by what stands for them; their keys are random, so that no text of a caller can be one. */
  aside: ReadonlyMap<string, string>
}

const none: ReadonlyMap<string, string> = new Map()

/**
 * Takes pictures out of JSON before it is parsed: `JSON.parse` would look at every character for escapes and copy the
 * string into its heap. Only base64 (also in a data URL) is taken out, for which that look would find nothing: so
 * putting the strings back gives exactly what `JSON.parse` would have given. All else stays where it is.
 */
export function setPicturesAside(body: Buffer, spans: readonly StringSpan[]): ShortenedJson {
  if (spans.length === 0) return { text: body.toString('utf8'), aside: none }
  const aside = new Map<string, string>()
  let text = ''
  let from = 0
  for (const { start, end } of spans) {
    if (isKey(body, end) || !isBase64(body.subarray(start, end))) continue
    const name = randomUUID()
    aside.set(name, body.toString('latin1', start, end))
    text += body.toString('utf8', from, start) + name
    from = end
  }
  return { text: text + body.toString('utf8', from), aside }
}

/** Whether a colon follows the string. */
function isKey(body: Buffer, end: number): boolean {
  let at = end + 1
  while (isBlank(body[at])) at++
  return body[at] === 0x3a
}

/** https://www.rfc-editor.org/rfc/rfc8259#section-2 */
function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d
}

/** Characters looked at a time. */
const pieceLength = 65_536
/** Where decoded bytes go that nobody needs; each use is over before anything else runs. */
const scratch = Buffer.allocUnsafeSlow(decodedCapacity(pieceLength))
/** What may stand before base64 in a data URL. */
const dataUrl = /^data:[\w.+/;=-]{0,100},/i

function isBase64(text: Buffer): boolean {
  const header = dataUrl.exec(text.toString('latin1', 0, 128))?.[0].length ?? 0
  const decoder = createBase64Decoder()
  try {
    for (let at = header; at < text.length; at += pieceLength) {
      decoder.write(text.subarray(at, at + pieceLength), scratch)
    }
    decoder.end()
    return true
  } catch (error) {
    if (error instanceof Base64Error) return false
    throw error
  }
}
