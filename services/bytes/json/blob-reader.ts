import { disposeAll } from '../base64-image.ts'
import { Base64Unescaper } from './base64-unescaper.ts'
import { parseLeadingJson } from './leading-json.ts'
import { forEachMember, Placeholders } from './placeholders.ts'
import { isJsonWhitespace, JsonStructureError, StringScanner } from './string-scanner.ts'

/** Receives one blob's base64 while it arrives. Disposing it drops what arrived, or the finished blob. */
export interface BlobSink<T> extends AsyncDisposable {
  /** A promise, if returned, must be awaited before the next chunk. */
  write(chunk: Buffer): Promise<void> | undefined
  end(): Promise<void> | undefined
  [Symbol.asyncDispose](): Promise<void>
  /** `undefined` until it has ended, and if it was empty. */
  readonly blob: T | undefined
}

export interface BlobReaderOptions<T> {
  /** Strings that are values of one of these keys are blobs, wherever they are. */
  keys: readonly string[]
  /** So are, if they begin like one, values of these keys, and elements of arrays. */
  uncertainKeys: readonly string[]
  /** @param start the first `START_BYTES` characters, as they stand in the JSON */
  isStartOfBlob(start: string): boolean
  /** Bytes of JSON beside the blobs. */
  maxOtherBytes: number
  /** Blobs that are read, the first ones. */
  maxBlobs: number
  openSink(): BlobSink<T>
}

export interface ParsedBlobs<T> {
  /**
   * The JSON with a blob wherever a sink made one, and `''` where it made none. `undefined` if it cannot be parsed,
   * although it contains complete blobs.
   */
  value: unknown
  /** The blobs in `value`, in order of arrival; if none is in it, all that arrived. The caller owns them. */
  blobs: T[]
  /** What could not be read; the blobs are not affected. */
  problem: unknown
  /** The JSON beside the blobs, as far as it was kept, with a random text for each blob. */
  text: string
}

/** Part of `maxOtherBytes` that one string may take; a longer one is left empty. */
const STRING_SHARE = 1 / 4
/** Keys may be written with escapes of six bytes a character. */
const ESCAPED_LENGTH = 6
/** Characters that show whether a string begins like a blob. */
const START_BYTES = 5

/**
 * Reads JSON that arrives as Buffers cut anywhere. The blobs in it never become strings: each goes to its own sink as it
 * arrives, and the rest is small enough for `JSON.parse`. A blob that its sink rejects, and text that is too long to be
 * of use, are dropped without affecting the blobs beside them.
 *
 * Disposing it drops everything; needed unless `end` returned.
 */
export class BlobReader<T extends AsyncDisposable> implements AsyncDisposable {
  readonly #options: BlobReaderOptions<T>
  readonly #keyBytes: number
  readonly #scanner = new StringScanner()
  readonly #text: BoundedText
  readonly #sinks = new Placeholders<BlobSink<T>>()
  #opened = 0
  /** Where the current string's content goes if it is a blob. */
  #blob: { sink: BlobSink<T> | undefined; unescaper: Base64Unescaper } | undefined
  /** The beginning of a string that may be a blob. */
  #start: Buffer | undefined
  /** The last string, raw, unless it is too long for a key. */
  #lastString = ''
  /** What lies between the last string and here: whitespace, whitespace with one colon, or anything else. */
  #gap: 'blank' | 'colon' | 'other' = 'other'
  #problem: unknown

  constructor(options: BlobReaderOptions<T>) {
    this.#options = options
    const keys = [...options.keys, ...options.uncertainKeys]
    this.#keyBytes = Math.max(...keys.map((key) => key.length)) * ESCAPED_LENGTH
    this.#text = new BoundedText(options.maxOtherBytes, Math.ceil(options.maxOtherBytes * STRING_SHARE))
  }

  /** A promise, if returned, must be awaited before the next chunk: a sink is busy. */
  write(chunk: Buffer): Promise<void> | undefined {
    for (let at = 0; at < chunk.length; ) {
      const { isInside } = this.#scanner
      const end = this.#scanner.endOfRun(chunk, at)
      const run = chunk.subarray(at, end)
      const isClosed = end < chunk.length
      at = end + 1
      const busy = isInside ? this.#readInside(run, isClosed) : this.#readOutside(run, isClosed)
      if (busy !== undefined) return busy.then(() => this.write(chunk.subarray(at)))
    }
    return undefined
  }

  /** @throws JsonStructureError, SyntaxError, or a sink's problem, where there is no blob */
  async end(): Promise<ParsedBlobs<T>> {
    const arrived = Array.from(this.#sinks.values(), ({ blob }) => blob).filter((blob) => blob !== undefined)
    const used = new Set<T>()
    let value: unknown
    try {
      value = this.#parse(used)
    } catch (error) {
      this.#problem ??= error
      if (arrived.length === 0) throw this.#problem
    }
    // Of two equal keys the last one wins; a blob under the first is returned only where there is no other.
    const blobs = used.size > 0 ? arrived.filter((blob) => used.has(blob)) : arrived
    const returned = new Set(blobs)
    await disposeAll([...this.#sinks.values()].filter(({ blob }) => blob === undefined || !returned.has(blob)))
    return { value, blobs, problem: this.#problem, text: this.#text.kept }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await disposeAll(this.#sinks.values())
  }

  #readOutside(run: Buffer, isClosed: boolean): undefined {
    this.#gap = gapAfter(this.#gap, run)
    this.#text.append(run)
    if (!isClosed) return
    const isValue = this.#gap === 'colon'
    const hasKey = (keys: readonly string[]) => keys.some((key) => isKey(this.#lastString, key))
    if (isValue && hasKey(this.#options.keys)) this.#openBlob()
    else if (!isValue || hasKey(this.#options.uncertainKeys)) this.#start = Buffer.alloc(0)
    else this.#text.openString()
    this.#lastString = ''
  }

  #readInside(run: Buffer, isClosed: boolean): Promise<void> | undefined {
    if (this.#blob !== undefined) return this.#readBlob(run, isClosed)
    if (this.#start === undefined) return this.#readString(run, isClosed)
    const seen = Buffer.concat([this.#start, run])
    this.#start = isClosed || seen.length >= START_BYTES ? undefined : seen
    if (this.#start !== undefined) return undefined
    if (!this.#options.isStartOfBlob(seen.toString('latin1', 0, START_BYTES))) {
      this.#text.openString()
      return this.#readString(seen, isClosed)
    }
    this.#openBlob()
    return this.#readBlob(seen, isClosed)
  }

  #readString(run: Buffer, isClosed: boolean): undefined {
    if (this.#lastString.length <= this.#keyBytes) this.#lastString += run.toString('latin1', 0, this.#keyBytes + 1)
    this.#text.appendString(run)
    if (!isClosed) return
    this.#text.closeString()
    this.#gap = 'blank'
  }

  #openBlob(): void {
    const { maxBlobs, openSink } = this.#options
    const isRead = this.#opened++ < maxBlobs
    if (!isRead) this.#problem ??= new JsonStructureError(`it contains more than ${maxBlobs} images`)
    const sink = isRead ? openSink() : undefined
    this.#blob = { sink, unescaper: new Base64Unescaper() }
    this.#text.append(Buffer.from(sink === undefined ? '""' : `"${this.#sinks.add(sink)}"`))
  }

  #readBlob(run: Buffer, isClosed: boolean): Promise<void> | undefined {
    const blob = this.#blob
    if (isClosed) {
      this.#blob = undefined
      this.#gap = 'other'
    }
    if (blob?.sink === undefined) return undefined
    const { sink, unescaper } = blob
    try {
      const text = unescaper.write(run)
      const busy = text.length === 0 ? undefined : sink.write(text)
      if (!isClosed) return busy
      unescaper.end()
      return busy === undefined ? this.#endBlob(sink) : busy.then(() => this.#endBlob(sink))
    } catch (error) {
      blob.sink = undefined
      return this.#dropBlob(sink, error)
    }
  }

  #endBlob(sink: BlobSink<T>): Promise<void> | undefined {
    try {
      return sink.end()
    } catch (error) {
      return this.#dropBlob(sink, error)
    }
  }

  async #dropBlob(sink: BlobSink<T>, problem: unknown): Promise<void> {
    this.#problem ??= problem
    await sink[Symbol.asyncDispose]()
  }

  #parse(used: Set<T>): unknown {
    if (this.#blob !== undefined) throw new JsonStructureError('it stops inside an image')
    const text = this.#text.end()
    if (this.#text.isOverfull) this.#problem ??= this.#text.overflow()
    const root = { value: parseLeadingJson(text) }
    forEachMember(root, (parent, key, value) => {
      const sink = typeof value === 'string' ? this.#sinks.find(value) : undefined
      if (sink === undefined) return true
      if (sink.blob !== undefined) used.add(sink.blob)
      Object.defineProperty(parent, key, { value: sink.blob ?? '' })
      return false
    })
    return root.value
  }
}

/** The JSON beside the blobs, as far as it fits. */
class BoundedText {
  readonly #maxBytes: number
  readonly #maxStringBytes: number
  readonly #chunks: Buffer[] = []
  #bytes = 0
  /** Where the current string began, to remove it again; `undefined` once it was removed. */
  #stringStart: { chunks: number; bytes: number } | undefined
  /** Bytes of strings that were too long to stay. */
  #dropped = 0
  /** Nothing more is added. */
  #isFull = false

  constructor(maxBytes: number, maxStringBytes: number) {
    this.#maxBytes = maxBytes
    this.#maxStringBytes = maxStringBytes
  }

  /** Whether it did not fit, or would not have but for strings that were too long to stay. */
  get isOverfull(): boolean {
    return this.#isFull || this.#bytes + this.#dropped > this.#maxBytes
  }

  get kept(): string {
    return new TextDecoder().decode(Buffer.concat(this.#chunks))
  }

  overflow(): JsonStructureError {
    return new JsonStructureError(`it contains more than ${this.#maxBytes} bytes beside images`)
  }

  append(bytes: Buffer): void {
    this.#isFull ||= this.#bytes + bytes.length > this.#maxBytes
    if (this.#isFull || bytes.length === 0) return
    this.#bytes += bytes.length
    // A copy: a few bytes must not keep the socket's whole chunk in memory.
    this.#chunks.push(Buffer.from(bytes))
  }

  openString(): void {
    this.append(quoteBytes)
    this.#stringStart = { chunks: this.#chunks.length, bytes: this.#bytes }
  }

  appendString(bytes: Buffer): void {
    const start = this.#stringStart
    if (start !== undefined && this.#bytes - start.bytes + bytes.length <= this.#maxStringBytes) {
      this.append(bytes)
      return
    }
    this.#dropped += bytes.length
    if (start === undefined) return
    this.#dropped += this.#bytes - start.bytes
    this.#chunks.length = start.chunks
    this.#bytes = start.bytes
    this.#stringStart = undefined
  }

  closeString(): void {
    this.append(quoteBytes)
  }

  /** @throws JsonStructureError if it is full */
  end(): string {
    if (this.#isFull) throw this.overflow()
    return this.kept
  }
}

const quoteBytes = Buffer.from('"')

function gapAfter(before: 'blank' | 'colon' | 'other', run: Buffer): 'blank' | 'colon' | 'other' {
  let gap = before
  for (let at = 0; at < run.length && gap !== 'other'; at++) {
    const byte = run[at]
    if (!isJsonWhitespace(byte)) gap = byte === 0x3a && gap === 'blank' ? 'colon' : 'other'
  }
  return gap
}

function isKey(raw: string, key: string): boolean {
  if (raw === key) return true
  if (!raw.includes('\\')) return false
  try {
    return JSON.parse(`"${raw}"`) === key
  } catch {
    return false
  }
}
