import { Base64Error, createBase64Decoder, decodedCapacity } from '../bytes/base64-decoder.ts'
import { type Base64Image, createBase64Image, type ImageFacts } from '../bytes/base64-image.ts'
import { createJsonLifter, LiftError, type LiftEvent } from '../bytes/json-blob-extractor.ts'
import { parseLeadingJson } from '../bytes/leading-json.ts'
import type { BufferSpool, EncodedTextWriter } from '../bytes/spooled-buffer.ts'
import { ServiceError, serviceError } from '../errors/errors.ts'
import { sniffFacts } from '../imaging/image-probe.ts'

export interface ResponseReaderOptions {
  buffered: BufferSpool
  /** Bytes of the response as it arrives. */
  maxBytes: number
  /** Images that are kept of it, the first ones; 16 by default. */
  maxImages?: number
  /** Bytes of JSON around the images; 1 MiB by default. A single string may have a quarter of it, a longer one is dropped. */
  maxOtherBytes?: number
}

export interface Response {
  /**
   * The JSON, with an `EncodedImage` wherever a key of `imageKeys` had one; what was no image there is `''`. `undefined` if
   * it cannot be parsed, although it holds whole images.
   */
  document: unknown
  /** The images in `document`, in its order; if none is in it, all that arrived. Clients of the reader release them. */
  images: Base64Image[]
  /** What could not be read, of which the images know nothing; to be told where there are none. */
  problem: ServiceError | undefined
}

/** Where base64 stands; Azure's own name first, then those of gateways in front of it. */
export const imageKeys = ['b64_json', 'b64Json', 'b64', 'image_base64', 'base64'] as const
const isImageKey: ReadonlySet<string> = new Set(imageKeys)

export interface ResponseReader {
  /**
   * Takes the next bytes. A promise, if given, must be awaited before the next ones: an image is on its way to a file.
   */
  write(chunk: Buffer): Promise<void> | undefined
  /** The response, once every byte has come. */
  end(): Promise<Response>
  /** Drops what was read. Needed unless `end` gave the response. */
  abort(): Promise<void>
}

/**
 * Reads Azure's JSON as it arrives. Images in it never become strings: their text is buffered as it came, is checked to its
 * last character on the way, and waits in a file if memory is short. Of an image that is none, and of text that nobody
 * needs, nothing is kept, and the images beside it are not touched.
 *
 * All methods throw ServiceError `IMG_ERR_AZURE_BAD_RESPONSE` or `IMG_ERR_AZURE_RESPONSE_TOO_LARGE`; `detail.problem` says
 * what was wrong.
 */
export function createResponseReader(options: ResponseReaderOptions): ResponseReader {
  const { buffered, maxBytes, maxImages = 16, maxOtherBytes = 1_048_576 } = options
  const lifter = createJsonLifter({ keys: imageKeys, maxOtherBytes, maxStringBytes: Math.ceil(maxOtherBytes / 4) })
  const images: IncomingImage[] = []
  let received = 0
  /** Strings beyond `maxImages`. */
  let surplus = 0
  let problem: unknown

  function write(chunk: Buffer): Promise<void> | undefined {
    received += chunk.length
    if (received > maxBytes) throw serviceError('IMG_ERR_AZURE_RESPONSE_TOO_LARGE', [])
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
    if (event.type === 'open') return open()
    const image = surplus > 0 ? undefined : images.at(-1)
    if (image === undefined || image.isGivenUp) return undefined
    try {
      if (event.type === 'broken') throw event.problem
      return event.type === 'chunk' ? image.write(event.chunk) : image.end()
    } catch (error) {
      problem ??= error
      return image.abort()
    }
  }

  function open(): undefined {
    if (images.length < maxImages) images.push(new IncomingImage(buffered.open()))
    else {
      surplus++
      problem ??= new LiftError(`it holds more than ${maxImages} images`)
    }
  }

  function parse(images: readonly (Base64Image | undefined)[], used: Set<Base64Image>): unknown {
    const json = lifter.end()
    problem ??= lifter.overflow
    const root: { document: unknown } = { document: parseLeadingJson(json) }
    // Not by a function given to `JSON.parse`, whose depth the stack bounds.
    for (const open: object[] = [root]; ; ) {
      const parent = open.pop()
      if (parent === undefined) return root.document
      for (const [key, value] of Object.entries(parent)) {
        if (typeof value === 'object' && value !== null) open.push(value)
        // Every string under such a key was taken out, so a string here is the number of one.
        else if (isImageKey.has(key) && typeof value === 'string') {
          const image = images[Number(value)]
          if (image !== undefined) used.add(image)
          Object.assign(parent, { [key]: image ?? '' })
        }
      }
    }
  }

  async function end(): Promise<Response> {
    const received = images.map((image) => image.image)
    const whole = received.filter((image) => image !== undefined)
    const used = new Set<Base64Image>()
    let document: unknown
    try {
      document = parse(received, used)
    } catch (error) {
      problem ??= error
      if (whole.length === 0) throw problem
    }
    // Of two equal keys the last one wins; an image under the first is returned only where there is no other.
    const stored = used.size > 0 ? whole.filter((image) => used.has(image)) : whole
    const others = images.filter(({ image }) => image === undefined || !stored.includes(image))
    await Promise.all(others.map((image) => image.abort()))
    return { document, images: stored, problem: problem === undefined ? undefined : inOurWords(problem) }
  }

  async function abort() {
    await Promise.all(images.map((image) => image.abort()))
  }
  return {
    write(chunk) {
      try {
        return write(chunk)?.catch(wrapError)
      } catch (error) {
        return wrapError(error)
      }
    },
    end: () => end().catch(wrapError),
    abort,
  }
}

/**
 * Reads a whole response; nothing is held if it fails. @throws as the reader, what `source` throws, and the problem of an
 * answer without an image
 */
export async function readResponse(source: AsyncIterable<Buffer>, options: ResponseReaderOptions): Promise<Response> {
  const reader = createResponseReader(options)
  try {
    for await (const chunk of source) {
      const waiting = reader.write(chunk)
      if (waiting !== undefined) await waiting
    }
    const response = await reader.end()
    if (response.images.length === 0 && response.problem !== undefined) throw response.problem
    return response
  } catch (error) {
    await reader.abort()
    throw error
  }
}

function wrapError(cause: unknown): never {
  throw inOurWords(cause)
}

function inOurWords(cause: unknown): ServiceError {
  if (cause instanceof ServiceError) return cause
  return serviceError('IMG_ERR_AZURE_BAD_RESPONSE', [], { cause, detail: { problem: problemOf(cause) } })
}

function problemOf(error: unknown): string {
  if (error instanceof LiftError) return error.message
  if (error instanceof Base64Error) return 'an image in it is not base64'
  if (error instanceof SyntaxError) return 'it is not JSON'
  return 'it could not be held'
}

/** Characters checked at a time. */
const checkedCharacters = 65_536
/** Where decoded bytes go that nobody needs; each use is over before anything else runs. */
const scratch = Buffer.allocUnsafeSlow(decodedCapacity(checkedCharacters))
/** Metadata that a JPEG may put before its size. */
const maxHeadBytes = 1_048_576

const dataScheme = 'data:'
/** Of a data URL, its comma not counted. */
const maxHeaderBytes = 256

class IncomingImage {
  readonly #text: EncodedTextWriter
  readonly #decoder = createBase64Decoder()
  /** What may be the header of a data URL; `undefined` once the base64 has begun. */
  #start: Buffer | undefined = Buffer.alloc(0)
  #bytes = 0
  #head: Buffer = Buffer.alloc(0)
  #facts: ImageFacts | undefined
  #image: Base64Image | undefined
  /** It is no image; its memory is free again. */
  isGivenUp = false

  constructor(text: EncodedTextWriter) {
    this.#text = text
  }

  /** `undefined` while it arrives, and if it was empty. */
  get image() {
    return this.#image
  }

  write(chunk: Buffer): Promise<void> | undefined {
    const text = this.#start === undefined ? chunk : this.#withoutHeader(Buffer.concat([this.#start, chunk]))
    return text === undefined ? undefined : this.#take(text)
  }

  /** Some gateways write a data URL; `undefined` until it is known where the base64 begins. */
  #withoutHeader(seen: Buffer): Buffer | undefined {
    const scheme = seen.toString('latin1', 0, dataScheme.length)
    const isHeader = scheme === dataScheme
    const comma = isHeader ? seen.indexOf(',') : -1
    this.#start = comma === -1 && dataScheme.startsWith(scheme) ? seen : undefined
    if (this.#start !== undefined && seen.length > maxHeaderBytes) throw new LiftError('an image in it is not base64')
    return this.#start === undefined ? seen.subarray(comma + 1) : undefined
  }

  #take(chunk: Buffer): Promise<void> | undefined {
    for (let at = 0; at < chunk.length; at += checkedCharacters) {
      const written = this.#decoder.write(chunk.subarray(at, at + checkedCharacters), scratch)
      this.#bytes += written
      if (this.#facts === undefined) this.#sniff(scratch.subarray(0, written))
    }
    return this.#text.write(chunk)
  }

  end(): Promise<void> | undefined {
    if (this.#start !== undefined && this.#start.length > 0) throw new LiftError('an image in it is of no known format')
    this.#decoder.end()
    if (this.#bytes === 0) return undefined
    if (this.#facts === undefined) throw new LiftError('an image in it is of no known format')
    return this.#finish(this.#facts)
  }

  async #finish(facts: ImageFacts) {
    this.#image = createBase64Image(facts, this.#bytes, await this.#text.end())
  }

  async abort() {
    this.isGivenUp = true
    this.#head = Buffer.alloc(0)
    await (this.#image === undefined ? this.#text.abort() : this.#image.release())
  }

  #sniff(decoded: Buffer) {
    // Most formats say all in their first bytes; only a head that says too little is copied.
    this.#facts = sniffFacts(this.#head.length === 0 ? decoded : Buffer.concat([this.#head, decoded]))
    if (this.#facts !== undefined) this.#head = Buffer.alloc(0)
    else this.#head = Buffer.concat([this.#head, decoded])
    if (this.#head.length > maxHeadBytes) throw new LiftError('an image in it is of no known format')
  }
}
