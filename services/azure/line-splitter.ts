const LINE_FEED = 10
const CARRIAGE_RETURN = 13

export interface LineHandlers {
  /** A further part of the current line, without its end. */
  onPart(bytes: Buffer): Promise<void>
  onEnd(isEmpty: boolean): Promise<void>
}

/** Splits bytes at LF, CR and CRLF. Lines are passed on in parts, so that a long one is never buffered. */
export class LineSplitter {
  readonly #handlers: LineHandlers
  #lineBytes = 0
  /** A line feed that follows belongs to the same line end. */
  #isAfterReturn = false

  constructor(handlers: LineHandlers) {
    this.#handlers = handlers
  }

  async write(chunk: Buffer): Promise<void> {
    let feed = chunk.indexOf(LINE_FEED)
    for (let from = 0; from < chunk.length; ) {
      if (this.#isAfterReturn && chunk[from] === LINE_FEED) from++
      this.#isAfterReturn = false
      // Searched again only behind the last one found, or many carriage returns would make this quadratic.
      if (feed !== -1 && feed < from) feed = chunk.indexOf(LINE_FEED, from)
      const end = feed === -1 ? chunk.length : feed
      const carriageReturn = chunk.subarray(from, end).indexOf(CARRIAGE_RETURN)
      const at = carriageReturn === -1 ? end : from + carriageReturn
      const part = chunk.subarray(from, at)
      this.#lineBytes += part.length
      if (part.length > 0) await this.#handlers.onPart(part)
      if (at === chunk.length) return
      await this.#handlers.onEnd(this.#lineBytes === 0)
      this.#lineBytes = 0
      this.#isAfterReturn = chunk[at] === CARRIAGE_RETURN
      from = at + 1
    }
  }
}
