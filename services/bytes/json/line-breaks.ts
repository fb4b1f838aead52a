const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const LETTER_N = 0x6e
const LETTER_R = 0x72

/**
 * Programs wrap base64 after 60 characters or more, and no client sends this many short lines: their repair would keep the
 * process busy for long.
 */
const MANY_BREAKS = 100_000
const MIN_LINE = 16

/** Longer keys name no base64. */
const MAX_KEY_LENGTH = 64

/**
 * JSON with raw line breaks in its strings, made valid: they are removed from base64 members (a program that wraps lines
 * put them there) and escaped elsewhere, so that a prompt of two lines stays one. Time and memory are linear.
 * @param isBase64 whether a member of this name, or each member of a list of this name, is base64
 * @returns `undefined` if there are none, or far too many
 */
export function escapeLineBreaks(json: Buffer, isBase64: (key: string) => boolean): Buffer | undefined {
  const breaks = countLineBreaks(json)
  if (breaks === 0 || (breaks > MANY_BREAKS && json.length < breaks * MIN_LINE)) return undefined
  const output = Buffer.allocUnsafeSlow(json.length + breaks)
  let length = 0
  let at = 0
  let key = ''
  let lastString = ''
  for (let open = json.indexOf(QUOTE); open !== -1; open = json.indexOf(QUOTE, at)) {
    if (json.subarray(at, open).includes(COLON)) key = lastString
    length += json.copy(output, length, at, open + 1)
    const start = open + 1
    const string = copyString(json, start, output, length, isBase64(key))
    length = string.length
    at = string.end
    lastString = json.toString('latin1', start, Math.min(at - 1, start + MAX_KEY_LENGTH + 1))
  }
  length += json.copy(output, length, at)
  return output.subarray(0, length)
}

/**
 * Not by `StringScanner`: a quote behind `\` and a raw line break ends a string or not, depending on what is written here.
 * @returns where the string ends, including its quote, and how long the output is then
 */
function copyString(json: Buffer, start: number, output: Buffer, outputAt: number, isBase64: boolean) {
  let length = outputAt
  let at = start
  while (at < json.length) {
    const byte = json[at++] ?? 0
    if (byte === BACKSLASH) {
      // An escaped character never ends the string. A raw line break behind a backslash is a line break all the same.
      if (isBase64) while (isLineBreak(json[at])) at++
      const next = json[at]
      if (next === undefined || isLineBreak(next)) continue
      output[length++] = byte
      output[length++] = next
      at++
    } else if (!isLineBreak(byte)) {
      output[length++] = byte
      if (byte === QUOTE) break
    } else if (!isBase64) {
      output[length++] = BACKSLASH
      output[length++] = byte === LINE_FEED ? LETTER_N : LETTER_R
    }
  }
  return { end: at, length }
}

function isLineBreak(byte: number | undefined): boolean {
  return byte === LINE_FEED || byte === CARRIAGE_RETURN
}

/** Byte by byte: with a native search for each, a body of line breaks alone would take forty times as long. */
function countLineBreaks(json: Buffer): number {
  let count = 0
  for (let at = 0; at < json.length; at++) if (isLineBreak(json[at])) count++
  return count
}
