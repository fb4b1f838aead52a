import { Base64Error } from '../bytes/base64-decoder.ts'
import type { Base64Image } from '../bytes/base64-image.ts'
import { BlobReader } from '../bytes/json/blob-reader.ts'
import { JsonStructureError } from '../bytes/json/string-scanner.ts'
import type { BufferSpool } from '../bytes/spooled-buffer.ts'
import { ServiceError, serviceError } from '../errors/errors.ts'
import { member, textOf } from './fields.ts'
import { IncomingImage, NotAnImageError } from './incoming-image.ts'

export interface ResponseReaderOptions {
  spool: BufferSpool
  /** Bytes of the response as it arrives. */
  maxBytes: number
  /** Images that are read of it, the first ones; 16 by default. */
  maxImages?: number
  /** Bytes of JSON beside the images; 1 MiB by default. A single string may have a quarter of it, a longer one is dropped. */
  maxOtherBytes?: number
}

export interface Response {
  /**
   * The JSON, with a `Base64Image` wherever a key of `imageKeys` had one, and `''` where it had something else. `undefined`
   * if it cannot be parsed, although it contains complete images.
   */
  document: unknown
  /** The document's type; also of one that cannot be parsed, as far as it arrived. */
  type: string
  /** The images in `document`, in order; if none is in it, all that arrived. The caller owns them. */
  images: Base64Image[]
  /** What could not be read; reported where there is no image. */
  problem: ServiceError | undefined
}

/** Where base64 is found; Azure's own name first, then those of gateways in front of it. */
export const imageKeys = ['b64_json', 'b64Json', 'b64', 'image_base64', 'base64'] as const
/** Where links are found, or data URLs. */
export const linkKeys = ['url', 'image_url', 'imageUrl', 'uri', 'sample'] as const
/** Where some gateways and kin APIs have a document, a link or an image. */
export const resultKeys = ['result', 'image', 'images', 'output', 'data'] as const
/** A data URL, or the signature of PNG, WebP, GIF or JPEG in base64. */
const IMAGE_START = /^(?:data:|iVBOR|UklGR|R0lGO|\\?\/9j)/i

/**
 * Reads Azure's JSON as it arrives. Images in it never become strings: their text is buffered exactly as it arrived, is
 * checked to its last character on the way, and waits in a file if memory is short.
 *
 * `write` and `end` throw ServiceError `IMG_ERR_AZURE_BAD_RESPONSE` or `IMG_ERR_AZURE_RESPONSE_TOO_LARGE`; `detail.problem`
 * says what was wrong. Disposing drops what was read; needed unless `end` returned.
 */
export class ResponseReader implements AsyncDisposable {
  readonly #json: BlobReader<Base64Image>
  readonly #maxBytes: number
  #received = 0

  constructor({ spool, maxBytes, maxImages = 16, maxOtherBytes = 1_048_576 }: ResponseReaderOptions) {
    this.#maxBytes = maxBytes
    const openSink = () => new IncomingImage(spool.open())
    this.#json = new BlobReader({
      keys: imageKeys,
      uncertainKeys: [...linkKeys, ...resultKeys],
      isStartOfBlob: (start) => IMAGE_START.test(start),
      maxOtherBytes,
      maxBlobs: maxImages,
      openSink,
    })
  }

  /** A promise, if returned, must be awaited before the next chunk: an image is on its way to a file. */
  write(chunk: Buffer): Promise<void> | undefined {
    this.#received += chunk.length
    if (this.#received > this.#maxBytes) throw serviceError('IMG_ERR_AZURE_RESPONSE_TOO_LARGE', [])
    try {
      return this.#json.write(chunk)?.catch(throwBadResponse)
    } catch (error) {
      return throwBadResponse(error)
    }
  }

  /** The response, once every byte has arrived. */
  async end(): Promise<Response> {
    const { value, blobs, problem, text } = await this.#json.end().catch(throwBadResponse)
    const type = value === undefined ? typeIn(text) : textOf(member(value, 'type'))
    return { document: value, type, images: blobs, problem: problem === undefined ? undefined : badResponse(problem) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#json[Symbol.asyncDispose]()
  }
}

/** The type that names the state of an image, in JSON that cannot be parsed. Quotes inside a string are escaped there. */
function typeIn(json: string): string {
  return /"type"\s*:\s*"([\w.]{0,100}(?:completed|partial)[\w.]{0,100})"/.exec(json)?.[1] ?? ''
}

function throwBadResponse(cause: unknown): never {
  throw badResponse(cause)
}

function badResponse(cause: unknown): ServiceError {
  if (cause instanceof ServiceError) return cause
  return serviceError('IMG_ERR_AZURE_BAD_RESPONSE', [], { cause, detail: { problem: problemOf(cause) } })
}

function problemOf(error: unknown): string {
  if (error instanceof JsonStructureError) return error.message
  if (error instanceof NotAnImageError) return 'an image in it is of no known format'
  if (error instanceof Base64Error) return 'an image in it is not base64'
  if (error instanceof SyntaxError) return 'it is not JSON'
  return 'it could not be buffered'
}
