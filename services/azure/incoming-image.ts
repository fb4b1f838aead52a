import { Base64Error, createBase64Decoder, DECODED_AT_A_TIME, decodedCapacity } from '../bytes/base64-decoder.ts'
import { Base64Image, type ImageFacts } from '../bytes/base64-image.ts'
import type { BlobSink } from '../bytes/json/blob-reader.ts'
import type { EncodedTextWriter } from '../bytes/spooled-buffer.ts'
import { AppError } from '../errors/app-error.ts'
import { createCredentialsScanner } from '../imaging/content-credentials.ts'
import { sniffFacts } from '../imaging/image-probe.ts'

/** Thrown for base64 that is not an image. */
export class NotAnImageError extends AppError {
  override name = 'NotAnImageError'
}

/** Receives decoded bytes that are only checked; its content is used before anything else runs. */
const scratch = Buffer.allocUnsafeSlow(decodedCapacity(DECODED_AT_A_TIME))
/** Metadata that a JPEG may put before its size. */
const MAX_HEAD_BYTES = 1_048_576

const noBytes = Buffer.alloc(0)

const DATA_SCHEME = 'data:'
/** Of a data URL, without its comma. */
const MAX_HEADER_BYTES = 256

/**
 * One image of a response while it arrives: its text is decoded once, to check every character and to read the image's
 * header and Content Credentials, and buffered as it is. Some gateways write a data URL, whose header is dropped, or omit the padding, which is
 * added.
 */
export class IncomingImage implements BlobSink<Base64Image> {
  readonly #text: EncodedTextWriter
  readonly #decoder = createBase64Decoder()
  readonly #credentials = createCredentialsScanner()
  /** What may be the beginning of a data URL; `undefined` once the base64 has begun. */
  #start: Buffer | undefined = noBytes
  #bytes = 0
  #characters = 0
  #head: Buffer = noBytes
  #facts: ImageFacts | undefined
  #image: Base64Image | undefined

  constructor(text: EncodedTextWriter) {
    this.#text = text
  }

  get blob(): Base64Image | undefined {
    return this.#image
  }

  /** @throws Base64Error, NotAnImageError */
  write(chunk: Buffer): Promise<void> | undefined {
    const text = this.#start === undefined ? chunk : this.#withoutHeader(Buffer.concat([this.#start, chunk]))
    return text === undefined ? undefined : this.#add(text)
  }

  #add(text: Buffer): Promise<void> | undefined {
    this.#characters += text.length
    for (let at = 0; at < text.length; at += DECODED_AT_A_TIME) {
      const written = this.#decoder.write(text.subarray(at, at + DECODED_AT_A_TIME), scratch)
      this.#bytes += written
      const decoded = scratch.subarray(0, written)
      if (this.#facts === undefined) this.#sniff(decoded)
      this.#credentials.write(decoded)
    }
    return this.#text.write(text)
  }

  /** @throws Base64Error, NotAnImageError */
  end(): Promise<void> | undefined {
    if (this.#start !== undefined && this.#start.length > 0) throw new NotAnImageError()
    const rest = this.#characters % 4
    const busy = rest < 2 ? undefined : this.#add(Buffer.from('='.repeat(4 - rest)))
    this.#decoder.end()
    if (this.#bytes === 0) return undefined
    if (this.#facts === undefined) throw new NotAnImageError()
    return this.#finish(this.#facts, busy)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#head = noBytes
    const owner = this.#image ?? this.#text
    await owner[Symbol.asyncDispose]()
  }

  async #finish(facts: ImageFacts, busy: Promise<void> | undefined): Promise<void> {
    await busy
    const hasCredentials = this.#credentials.found === true
    this.#image = new Base64Image({ ...facts, hasCredentials }, this.#bytes, await this.#text.end())
  }

  /** `undefined` until it is known where the base64 begins. */
  #withoutHeader(seen: Buffer): Buffer | undefined {
    const scheme = seen.toString('latin1', 0, DATA_SCHEME.length).toLowerCase()
    const comma = scheme === DATA_SCHEME ? seen.indexOf(',') : -1
    this.#start = comma === -1 && DATA_SCHEME.startsWith(scheme) ? seen : undefined
    if (this.#start !== undefined && seen.length > MAX_HEADER_BYTES) throw new Base64Error('a data URL without data')
    return this.#start === undefined ? seen.subarray(comma + 1) : undefined
  }

  #sniff(decoded: Buffer): void {
    // Most formats declare everything in their first bytes; only an incomplete head is copied.
    const head = this.#head.length === 0 ? decoded : Buffer.concat([this.#head, decoded])
    this.#facts = sniffFacts(head)
    this.#head = this.#facts === undefined ? Buffer.from(head) : noBytes
    if (this.#head.length > MAX_HEAD_BYTES) throw new NotAnImageError()
  }
}
