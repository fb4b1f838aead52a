import { ServiceError, serviceError } from '../errors.ts'
import { Base64Error, createBase64Decoder, decodedCapacity } from './base64-decoder.ts'
import { createEncodedImage, type EncodedImage, type ImageFacts } from './encoded-image.ts'
import type { EncodedTextWriter, HeldBytes } from './held-bytes.ts'
import { sniffFacts } from './image-probe.ts'
import { createJsonLifter, LiftError, type LiftEvent } from './json-lifter.ts'

export interface AnswerReaderOptions {
  held: HeldBytes
  /** Bytes of the answer as it arrives. */
  maxBytes: number
  /** Pictures in it; 16 unless told. */
  maxImages?: number
  /** Bytes of JSON around the pictures; 1 MiB unless told. */
  maxOtherBytes?: number
}

export interface Answer {
  /** The JSON, with an `EncodedImage` wherever `b64_json` was a string (an empty one stays `''`). */
  document: unknown
  /** The pictures in `document`, as they arrived. Whoever takes the answer releases them. */
  images: EncodedImage[]
}

export interface AnswerReader {
  /**
   * Takes the next bytes. A promise, if given, must be awaited before the next ones: a picture is on its way to a file.
   */
  write(chunk: Buffer): Promise<void> | undefined
  /** The answer, once every byte has come. */
  end(): Promise<Answer>
  /** Drops what was read. Needed unless `end` gave the answer. */
  abort(): Promise<void>
}

/**
 * Reads Azure's JSON as it arrives. Pictures in it never become strings: their text is held as it came, is checked to its
 * last character on the way, and waits in a file if memory is short.
 *
 * All methods throw ServiceError `IMG_ERR_AZURE_BAD_ANSWER` or `IMG_ERR_AZURE_ANSWER_TOO_LARGE`; `detail.problem` says
 * what was wrong.
 */
export function createAnswerReader(options: AnswerReaderOptions): AnswerReader {
  const { held, maxBytes, maxImages = 16, maxOtherBytes = 1_048_576 } = options
  const lifter = createJsonLifter({ key: 'b64_json', maxOtherBytes })
  const pictures: ArrivingPicture[] = []
  let received = 0

  function write(chunk: Buffer): Promise<void> | undefined {
    received += chunk.length
    if (received > maxBytes) throw serviceError('IMG_ERR_AZURE_ANSWER_TOO_LARGE', [])
    return takeAll(lifter.write(chunk)[Symbol.iterator]())
  }

  /** Without a promise as long as nothing goes to a file: most chunks are dealt with at once. */
  function takeAll(events: Iterator<LiftEvent>): Promise<void> | undefined {
    for (let next = events.next(); !next.done; next = events.next()) {
      const waiting = take(next.value)
      if (waiting !== undefined) return waiting.then(() => takeAll(events))
    }
    return undefined
  }

  function take(event: LiftEvent): Promise<void> | undefined {
    if (event.type === 'piece') return pictures.at(-1)?.write(event.piece)
    if (event.type === 'close') return pictures.at(-1)?.end()
    if (pictures.length === maxImages) throw new LiftError(`it holds more than ${maxImages} pictures`)
    pictures.push(new ArrivingPicture(held.open()))
    return undefined
  }

  async function end(): Promise<Answer> {
    const images = pictures.map((picture) => picture.image)
    const used = new Set<EncodedImage>()
    const document: unknown = JSON.parse(lifter.end(), (key, value: unknown) => {
      // Every string under this key was taken out, so a string here is the number of one.
      if (key !== 'b64_json' || typeof value !== 'string') return value
      const image = images[Number(value)]
      if (image === undefined) return ''
      used.add(image)
      return image
    })
    // Of two equal keys the last one wins; the picture under the first is nobody's.
    for (const image of images) if (image !== undefined && !used.has(image)) await image.release()
    return { document, images: [...used] }
  }

  async function abort() {
    await Promise.all(pictures.map((picture) => picture.abort()))
  }
  return {
    write(chunk) {
      try {
        return write(chunk)?.catch(throwInOurWords)
      } catch (error) {
        return throwInOurWords(error)
      }
    },
    end: () => end().catch(throwInOurWords),
    abort,
  }
}

/** Reads a whole answer; nothing is held if it fails. @throws as the reader, and what `source` throws */
export async function readAnswer(source: AsyncIterable<Buffer>, options: AnswerReaderOptions): Promise<Answer> {
  const reader = createAnswerReader(options)
  try {
    for await (const chunk of source) {
      const waiting = reader.write(chunk)
      if (waiting !== undefined) await waiting
    }
    return await reader.end()
  } catch (error) {
    await reader.abort()
    throw error
  }
}

function throwInOurWords(cause: unknown): never {
  if (cause instanceof ServiceError) throw cause
  throw serviceError('IMG_ERR_AZURE_BAD_ANSWER', [], { cause, detail: { problem: problemOf(cause) } })
}

function problemOf(error: unknown): string {
  if (error instanceof LiftError) return error.message
  if (error instanceof Base64Error) return 'a picture in it is not base64'
  if (error instanceof SyntaxError) return 'it is not JSON'
  return 'it could not be held'
}

/** Characters checked at a time. */
const checkedCharacters = 65_536
/** Where decoded bytes go that nobody needs; each use is over before anything else runs. */
const scratch = Buffer.allocUnsafeSlow(decodedCapacity(checkedCharacters))
/** Metadata that a JPEG may put before its size. */
const maxHeadBytes = 1_048_576

class ArrivingPicture {
  readonly #text: EncodedTextWriter
  readonly #decoder = createBase64Decoder()
  #bytes = 0
  #head: Buffer = Buffer.alloc(0)
  #facts: ImageFacts | undefined
  #image: EncodedImage | undefined

  constructor(text: EncodedTextWriter) {
    this.#text = text
  }

  /** `undefined` while it arrives, and if it was empty. */
  get image() {
    return this.#image
  }

  write(piece: Buffer): Promise<void> | undefined {
    for (let at = 0; at < piece.length; at += checkedCharacters) {
      const written = this.#decoder.write(piece.subarray(at, at + checkedCharacters), scratch)
      this.#bytes += written
      if (this.#facts === undefined) this.#sniff(scratch.subarray(0, written))
    }
    return this.#text.write(piece)
  }

  end(): Promise<void> | undefined {
    this.#decoder.end()
    return this.#bytes === 0 ? undefined : this.#finish()
  }

  async #finish() {
    if (this.#facts === undefined) throw new LiftError('a picture in it is of no known format')
    this.#image = createEncodedImage(this.#facts, this.#bytes, await this.#text.end())
  }

  async abort() {
    await (this.#image === undefined ? this.#text.abort() : this.#image.release())
  }

  #sniff(decoded: Buffer) {
    // Most formats say all in their first bytes; only a head that says too little is copied.
    this.#facts = sniffFacts(this.#head.length === 0 ? decoded : Buffer.concat([this.#head, decoded]))
    if (this.#facts !== undefined) this.#head = Buffer.alloc(0)
    else this.#head = Buffer.concat([this.#head, decoded])
    if (this.#head.length > maxHeadBytes) throw new LiftError('a picture in it is of no known format')
  }
}
