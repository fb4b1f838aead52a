import { Base64Image, disposeAll } from '../bytes/base64-image.ts'
import type { BufferSpool } from '../bytes/spooled-buffer.ts'
import { serviceError } from '../errors/errors.ts'
import { faultOf, hitCategories, isContentFiltered } from './azure-error.ts'
import { listOf, member } from './fields.ts'
import { imageKeys, ResponseReader } from './response-reader.ts'
import { openEventStream } from './sse-parser.ts'
import type { ResponseHeaders, ResponseSink } from './transport.ts'
import type { Usage } from './types.ts'
import { readUsage } from './usage.ts'

/** Where an image of a response is: in it, or behind a link. */
export type ResponsePart = { image: Base64Image } | { url: string }

export interface ParsedResponse {
  parts: [ResponsePart, ...ResponsePart[]]
  usage: Usage
}

/** A success while it arrives. Either `finish` or `abort` must follow. */
export interface ResponseReading extends ResponseSink {
  /**
   * The images in order, and what they used up.
   * @throws ServiceError IMG_ERR_AZURE_BAD_RESPONSE, IMG_ERR_AZURE_NO_IMAGE, IMG_ERR_AZURE_CONTENT, IMG_ERR_AZURE_BROKE_OFF
   */
  finish(): Promise<ParsedResponse>
  /**
   * Ends the reading where the response broke off: whether `finish` will give an image all the same. What is there has been
   * paid for, whatever became of the rest.
   */
  hasImage(): Promise<boolean>
  abort(): Promise<void>
}

export interface ResponseOptions {
  buffered: BufferSpool
  /** Bytes of one response. */
  maxBytes: number
  /** A sketch of the image has come; only in event streams. */
  onSketch: () => void
}

/**
 * Starts to read a success; its type says whether it is one document or an event stream, its first character knows better.
 * Blanks and a byte order mark before that mean nothing to either.
 */
export function openResponse(headers: ResponseHeaders, options: ResponseOptions): ResponseReading {
  const isStream = /^text\/event-stream\b/i.test(String(headers['content-type'] ?? ''))
  let reading: ResponseReading | undefined
  const open = (isEvents: boolean) => (isEvents ? openEventStream(options) : openDocument(options))
  return {
    write(chunk) {
      if (reading !== undefined) return reading.write(chunk)
      const start = chunk.findIndex((byte) => !meaningless.has(byte))
      const first = String.fromCharCode(chunk[start] ?? 0)
      if (start === -1) return
      reading = open(first !== '{' && first !== '[' && (isStream || /[:deir]/.test(first)))
      return reading.write(chunk.subarray(start))
    },
    finish: () => (reading ?? open(isStream)).finish(),
    hasImage: async () => (await reading?.hasImage()) ?? false,
    abort: async () => reading?.abort(),
  }
}

/** Blanks, and the bytes of a byte order mark, which begin nothing else here. */
const meaningless: ReadonlySet<number> = new Set(Buffer.from(' \t\r\n\ufeff'))

function openDocument({ buffered, maxBytes }: ResponseOptions): ResponseReading {
  const reader = new ResponseReader({ buffered, maxBytes })
  let response: Promise<ParsedResponse> | undefined

  async function read(): Promise<ParsedResponse> {
    const { document, images, problem } = await reader.end()
    const parts = partsOf(document, images)
    // Also what lies where no image is expected.
    const taken = new Set(parts.map((part) => ('image' in part ? part.image : undefined)))
    await disposeAll(images.filter((image) => !taken.has(image)))
    const [first, ...rest] = parts
    if (first !== undefined) return { parts: [first, ...rest], usage: readUsage(document) }
    throw problem ?? failureOf(document)
  }

  function finish() {
    response ??= read()
    return response
  }
  return {
    write: (chunk) => reader.write(chunk),
    finish,
    hasImage: () =>
      finish().then(
        ({ parts }) => parts.some((part) => 'image' in part),
        () => false,
      ),
    abort: () => reader[Symbol.asyncDispose](),
  }
}

/**
 * The images of a document, in order: under `data`, else on its top level, else wherever they lie, since what has been paid
 * for counts for more than where it stands.
 */
export function partsOf(document: unknown, images: readonly Base64Image[]): ResponsePart[] {
  // `result` is where Black Forest Labs' own API puts it.
  const places = [member(document, 'data'), document, member(document, 'result')]
  const parts = places.map((place) => listOf(place).flatMap((entry) => partOf(entry))).find(({ length }) => length > 0)
  if (parts?.some((part) => 'image' in part)) return parts
  // A link may not hold what it promises.
  return [...(parts ?? []), ...images.map((image) => ({ image }))]
}

function partOf(entry: unknown): ResponsePart[] {
  const image = imageKeys.map((key) => member(entry, key)).find((value) => value instanceof Base64Image)
  if (image !== undefined) return [{ image }]
  const url = ['url', 'image_url', 'sample'].map((key) => member(entry, key)).find(isLink)
  return url === undefined ? [] : [{ url }]
}

function isLink(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/** Why a document has no image: the filter says so, or an error does, or nothing does. */
function failureOf(document: unknown) {
  const entries = [document, ...listOf(document), ...listOf(member(document, 'data'))]
  const verdicts = ['content_filter_results', 'content_filter_result', 'prompt_filter_results']
  const categories = hitCategories(entries.map((entry) => verdicts.map((name) => member(entry, name))))
  const faults = [faultOf(document), faultOf(member(document, 'data'))]
  const rejection = faults.find(isContentFiltered)
  if (categories.length > 0 || rejection !== undefined) {
    return serviceError('IMG_ERR_AZURE_CONTENT', [categories.length > 0 ? categories : (rejection?.categories ?? [])])
  }
  const hasFailed = faults.some(({ isJson }) => isJson)
  return hasFailed ? serviceError('IMG_ERR_AZURE_BROKE_OFF', []) : serviceError('IMG_ERR_AZURE_NO_IMAGE', [])
}

/** Takes the beginning of an error's body and lets the rest go by. */
export class ErrorBodyCollector implements ResponseSink {
  readonly #chunks: Buffer[] = []
  // The longest prompt that a row may allow (200,000 characters) may be quoted in it, each as an escape of six bytes.
  #capacity = 1_310_720

  write(chunk: Buffer): void {
    if (this.#capacity <= 0) return
    this.#chunks.push(chunk.subarray(0, this.#capacity))
    this.#capacity -= chunk.length
  }

  body(): Buffer {
    return Buffer.concat(this.#chunks)
  }
}
