/**
 * Takes long strings out of JSON that arrives as Buffers cut anywhere, so that the rest is small enough for
 * `JSON.parse`. It looks only for quotes and backslashes, with native searches; whether the JSON is valid is left to
 * `JSON.parse`, which sees everything but the inside of the strings taken out.
 */

/**
 * `open`, then the string's bytes without escapes (views of the input where there are none), then `close`; `broken` in its
 * place where an escape cannot stand in base64, after which nothing more of that string comes.
 */
export type LiftEvent =
  | { type: 'open' }
  | { type: 'chunk'; chunk: Buffer }
  | { type: 'close' }
  | { type: 'broken'; problem: LiftError }

export interface JsonLifter {
  /** The strings in the next chunk. Must be read to its end before the next call. */
  write(chunk: Buffer): Iterable<LiftEvent>
  /**
   * The JSON with the n-th string taken out replaced by the string `"n"`, counted from 0.
   * @throws LiftError if it stops inside a string taken out, or if more than `maxOtherBytes` are left
   */
  end(): string
  /** Set if more than `maxOtherBytes` are left, or would be but for strings that were too long to stay. */
  readonly overflow: LiftError | undefined
}

export interface JsonLifterOptions {
  /** Strings that are values of one of these keys are taken out, wherever they are. */
  keys: readonly string[]
  /** Bytes of JSON that may be left when the strings are out. */
  maxOtherBytes: number
  /** Bytes of one string that stays; a longer one is left empty. */
  maxStringBytes: number
}

/** The JSON is larger, or stranger, than a response can be. */
export class LiftError extends Error {
  override name = 'LiftError'
}

const quote = 34
const backslash = 92
const colon = 58

/** Keys may be written with escapes of six bytes a character. */
const escapedLength = 6

export function createJsonLifter({ keys, maxOtherBytes, maxStringBytes }: JsonLifterOptions): JsonLifter {
  const keyBytes = Math.max(...keys.map((key) => key.length)) * escapedLength
  const rest: Buffer[] = []
  let restBytes = 0
  let lifted = 0
  let state: 'outside' | 'string' | 'opening' | 'lift' = 'outside'
  /** Where the string under way began, to take it back out; `undefined` once it was. */
  let stringStart: { parts: number; bytes: number } | undefined
  /** The string taken out holds what base64 cannot. */
  let isBroken = false
  /** Bytes of strings that were too long to stay. */
  let dropped = 0
  /** Nothing more stays, while strings are still taken out. */
  let isFull = false
  /** The last string, raw, unless it is too long for a key. */
  let text = ''
  let isEscaped = false
  /** What lies between the last string and here: blanks, blanks with one colon, or anything else. */
  let gap: 'blank' | 'colon' | 'other' = 'other'
  const unescaper = createUnescaper()

  const tooMuch = () => new LiftError(`it holds more than ${maxOtherBytes} bytes beside images`)

  function keep(bytes: Buffer) {
    isFull ||= restBytes + bytes.length > maxOtherBytes
    if (isFull || bytes.length === 0) return
    restBytes += bytes.length
    // A copy: a few bytes must not keep a whole chunk.
    rest.push(Buffer.from(bytes))
  }

  /** Up to and including the next opening quote; returns where to go on. */
  function outside(chunk: Buffer, from: number): number {
    const at = chunk.indexOf(quote, from)
    const end = at === -1 ? chunk.length : at
    gap = gapAfter(gap, chunk, from, end)
    keep(chunk.subarray(from, end))
    if (at === -1) return end
    state = gap === 'colon' && keys.some((key) => isKey(text, key)) ? 'opening' : 'string'
    text = ''
    isEscaped = false
    if (state === 'string') {
      keep(chunk.subarray(at, at + 1))
      stringStart = { parts: rest.length, bytes: restBytes }
    }
    return at + 1
  }

  /** Keeps a part of a string, unless the string is too long. */
  function keepString(bytes: Buffer) {
    if (stringStart !== undefined && restBytes - stringStart.bytes + bytes.length <= maxStringBytes) return keep(bytes)
    dropped += bytes.length
    if (stringStart === undefined) return
    dropped += restBytes - stringStart.bytes
    rest.length = stringStart.parts
    restBytes = stringStart.bytes
    stringStart = undefined
  }

  /** Where a string's closing quote is, or -1. */
  function closingQuote(chunk: Buffer, from: number): number {
    for (let searchFrom = from; ; ) {
      const at = chunk.indexOf(quote, searchFrom)
      const isQuoteEscaped = endsWithOddBackslashes(chunk, searchFrom, at === -1 ? chunk.length : at, isEscaped)
      isEscaped = at === -1 && isQuoteEscaped
      if (at === -1 || !isQuoteEscaped) return at
      searchFrom = at + 1
    }
  }

  /** Up to and including the closing quote of a string that stays. */
  function inString(chunk: Buffer, from: number): number {
    const at = closingQuote(chunk, from)
    const end = at === -1 ? chunk.length : at
    if (text.length <= keyBytes) text += chunk.toString('latin1', from, Math.min(end, from + keyBytes + 1))
    keepString(chunk.subarray(from, end))
    if (at === -1) return end
    keep(chunk.subarray(at, at + 1))
    state = 'outside'
    gap = 'blank'
    return at + 1
  }

  /** Up to and including the closing quote of a string that is taken out. */
  function* inLift(input: Buffer, from: number): Generator<LiftEvent, number> {
    const at = closingQuote(input, from)
    const end = at === -1 ? input.length : at
    const chunk = isBroken ? undefined : withoutEscapes(input.subarray(from, end), at !== -1)
    if (chunk instanceof LiftError) {
      isBroken = true
      yield { type: 'broken', problem: chunk }
    } else if (chunk !== undefined && chunk.length > 0) yield { type: 'chunk', chunk }
    if (at === -1) return end
    state = 'outside'
    gap = 'other'
    if (!isBroken) yield { type: 'close' }
    return at + 1
  }

  function withoutEscapes(bytes: Buffer, isLast: boolean): Buffer | LiftError {
    try {
      const chunk = unescaper.write(bytes)
      if (isLast) unescaper.end()
      return chunk
    } catch (error) {
      if (!(error instanceof LiftError)) throw error
      return error
    }
  }

  return {
    *write(chunk) {
      let at = 0
      while (at < chunk.length) {
        if (state === 'outside') at = outside(chunk, at)
        else if (state === 'string') at = inString(chunk, at)
        else if (state === 'lift') at = yield* inLift(chunk, at)
        else {
          keep(Buffer.from(`"${lifted}"`))
          lifted++
          state = 'lift'
          isBroken = false
          unescaper.reset()
          yield { type: 'open' }
        }
      }
    },
    get overflow() {
      return isFull || restBytes + dropped > maxOtherBytes ? tooMuch() : undefined
    },
    end() {
      if (state === 'lift' || state === 'opening') throw new LiftError('it stops inside an image')
      if (isFull) throw tooMuch()
      return new TextDecoder().decode(Buffer.concat(rest))
    },
  }
}

function gapAfter(before: 'blank' | 'colon' | 'other', chunk: Buffer, from: number, end: number) {
  let gap = before
  for (let at = from; at < end && gap !== 'other'; at++) {
    const byte = chunk[at]
    if (byte === 32 || byte === 9 || byte === 10 || byte === 13) continue
    gap = byte === colon && gap === 'blank' ? 'colon' : 'other'
  }
  return gap
}

/** Whether the character after `end` is escaped. `isEscaped`: whether the first one here is. */
function endsWithOddBackslashes(chunk: Buffer, from: number, end: number, isEscaped: boolean): boolean {
  let first = end
  while (first > from && chunk[first - 1] === backslash) first--
  const count = end - first
  return (count + (first === from && isEscaped ? 1 : 0)) % 2 === 1
}

function isKey(text: string, key: string): boolean {
  if (text === key) return true
  if (!text.includes('\\')) return false
  try {
    return JSON.parse(`"${text}"`) === key
  } catch {
    return false
  }
}

/**
 * Undoes the escapes that JSON writers put into base64 (`\/`, and a letter by its number); escaped line breaks vanish.
 * Without an escape a chunk is passed on as it is.
 */
function createUnescaper() {
  let open: Buffer = Buffer.alloc(0)
  return {
    write(chunk: Buffer): Buffer {
      if (open.length === 0 && chunk.indexOf(backslash) === -1) return chunk
      const input = Buffer.concat([open, chunk])
      const output = Buffer.allocUnsafe(input.length)
      let written = 0
      let from = 0
      for (;;) {
        const at = input.indexOf(backslash, from)
        written += input.copy(output, written, from, at === -1 ? input.length : at)
        const length = input[at + 1] === 0x75 ? 6 : 2
        if (at === -1 || at + length > input.length) {
          open = at === -1 ? Buffer.alloc(0) : input.subarray(at)
          return output.subarray(0, written)
        }
        const code = codeOfEscape(input.toString('latin1', at + 1, at + length))
        if (code !== undefined) output[written++] = code
        from = at + length
      }
    },
    end() {
      if (open.length > 0) throw new LiftError('an image in it is not base64')
    },
    reset() {
      open = Buffer.alloc(0)
    },
  }
}

/** `undefined` for a line break. */
function codeOfEscape(letters: string): number | undefined {
  if (letters === '/') return 47
  if (letters === 'n' || letters === 'r') return undefined
  if (/^u00[0-7][0-9a-f]$/i.test(letters)) return Number.parseInt(letters.slice(1), 16)
  throw new LiftError('an image in it is not base64')
}
