import { AppError } from '../../errors/app-error.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** JSON that is too deep, too crowded or too strange to be worth parsing. */
export class JsonStructureError extends AppError {
  override name = 'JsonStructureError'
}

/**
 * Finds the inside of JSON strings, in text that arrives as Buffers cut anywhere. It looks for quotes and
 * backslashes only, with native searches; whether the text is JSON is left to `JSON.parse`.
 */
export class StringScanner {
  /** Whether the next byte lies inside a string. */
  isInside = false
  #isEscaped = false
  #escapedQuotes = 0
  readonly #maxEscapedQuotes: number

  /** @param maxEscapedQuotes each stops the native search, so that megabytes of them take seconds */
  constructor(maxEscapedQuotes = Number.POSITIVE_INFINITY) {
    this.#maxEscapedQuotes = maxEscapedQuotes
  }

  /**
   * Where the run that begins at `from` ends: at the quote that opens or closes a string (which belongs to neither side),
   * or at the end of the chunk.
   * @throws JsonStructureError
   */
  endOfRun(chunk: Buffer, from: number): number {
    if (this.isInside) return this.#endOfString(chunk, from)
    const at = chunk.indexOf(QUOTE, from)
    this.isInside = at !== -1
    return at === -1 ? chunk.length : at
  }

  #endOfString(chunk: Buffer, from: number): number {
    for (let searchFrom = from; ; ) {
      const at = chunk.indexOf(QUOTE, searchFrom)
      const end = at === -1 ? chunk.length : at
      const isEndEscaped = this.#isEscapedAt(chunk, searchFrom, end)
      this.#isEscaped = at === -1 && isEndEscaped
      if (at === -1) return end
      if (!isEndEscaped) {
        this.isInside = false
        return at
      }
      if (++this.#escapedQuotes > this.#maxEscapedQuotes) {
        throw new JsonStructureError(`The body contains more than ${this.#maxEscapedQuotes} escaped quotes.`)
      }
      searchFrom = at + 1
    }
  }

  /** Whether an odd number of backslashes precedes `end`. */
  #isEscapedAt(chunk: Buffer, from: number, end: number): boolean {
    let first = end
    while (first > from && chunk[first - 1] === BACKSLASH) first--
    const carried = first === from && this.#isEscaped ? 1 : 0
    return (end - first + carried) % 2 === 1
  }
}

/** https://www.rfc-editor.org/rfc/rfc8259#section-2 */
export function isJsonWhitespace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d
}
