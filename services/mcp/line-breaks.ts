const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a

/** Members whose text is base64, or a list of such texts: a line break in it was put there by a program that wraps. */
const BASE64_MEMBER = /^(?:\w*base64|(?:mask_|source_)?image(?:_data|_url)?|(?:reference_)?images|mask|data|blob)$/i
/** Longer keys are none of them. */
const MAX_KEY_LENGTH = 64

/**
 * JSON whose strings have raw line breaks in them, made valid: in base64 members they are taken out, elsewhere they are
 * escaped, so that a prompt of two lines stays one. Time and memory are linear. Undefined: there are none.
 */
export function escapeLineBreaks(json: Buffer): Buffer | undefined {
  const breaks = countLineBreaks(json)
  if (breaks === 0) return undefined
  const output = Buffer.allocUnsafeSlow(json.length + breaks)
  let length = 0
  let key = ''
  let stringAt = -1
  let text = ''
  let isBase64 = false
  for (let at = 0; at < json.length; at++) {
    const byte = json[at] ?? 0
    const isInside = stringAt !== -1
    if (byte === QUOTE) {
      if (isInside) text = json.toString('latin1', stringAt, Math.min(at, stringAt + MAX_KEY_LENGTH + 1))
      else isBase64 = BASE64_MEMBER.test(key)
      stringAt = isInside ? -1 : at + 1
    } else if (!isInside && byte === COLON) key = text
    else if (isInside && byte === BACKSLASH) {
      // What is escaped never ends the string. A raw line break behind a backslash is a line break all the same.
      if (isBase64) while (isLineBreak(json[at + 1])) at++
      const next = json[at + 1]
      if (next === undefined || isLineBreak(next)) continue
      output[length++] = byte
      output[length++] = next
      at++
      continue
    } else if (isInside && isLineBreak(byte)) {
      if (isBase64) continue
      output[length++] = BACKSLASH
      output[length++] = byte === LINE_FEED ? 0x6e : 0x72
      continue
    }
    output[length++] = byte
  }
  return output.subarray(0, length)
}

function isLineBreak(byte: number | undefined): boolean {
  return byte === LINE_FEED || byte === CARRIAGE_RETURN
}

function countLineBreaks(json: Buffer): number {
  let count = 0
  for (const byte of [LINE_FEED, CARRIAGE_RETURN]) {
    for (let at = json.indexOf(byte); at !== -1; at = json.indexOf(byte, at + 1)) count++
  }
  return count
}
