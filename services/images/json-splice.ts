import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import type { EncodedImage } from './encoded-image.ts'

/**
 * Megabytes of base64 inside JSON, without ever being part of a JavaScript string.
 *
 * `JSON.stringify` makes the text; where it meets a picture it asks `toJSON`, which leaves a placeholder and notes the
 * picture. The text is then cut at the placeholders, and the pictures' own Buffers lie between the cuts. Base64 needs no
 * escape in JSON, so nothing of a picture is looked at or copied.
 *
 * A placeholder holds a random UUID that is made for one call and never leaves it, so no text of a caller can be it.
 */
export interface SplicedJson {
  /** Bytes of the whole text, for `content-length`. */
  readonly byteLength: number
  /** The whole text, if no picture is in it. */
  readonly text: string | undefined
  /** All of it in order, if every picture lies in memory: to be written at one go. */
  readonly buffers: readonly Buffer[] | undefined
  /** All of it in order, wherever the pictures lie. May be called more than once. */
  chunks(): AsyncIterable<Buffer>
  /** The same as a stream, which reads on only as fast as it is read. */
  stream(): Readable
  /** Releases every picture in it. Idempotent. */
  release(): Promise<void>
}

export interface SpliceOptions {
  /** Text before the JSON, as of a server-sent event. */
  prefix?: string
  /** Text behind it. */
  suffix?: string
}

interface Collector {
  /** Made for the first picture. */
  nonce: string
  images: EncodedImage[]
}

/** Set only while `JSON.stringify` runs, which is synchronous. */
let collector: Collector | undefined

/** What a picture's `toJSON` answers. */
export function placeholderOf(image: EncodedImage): string {
  if (collector === undefined) return `(${image.mimeType}, ${image.bytes} bytes)`
  collector.images.push(image)
  collector.nonce ||= randomUUID()
  return collector.nonce
}

/** Serialises `value` as `JSON.stringify` does, with each `EncodedImage` in it as a string of its base64 text. */
export function spliceJson(value: unknown, { prefix = '', suffix = '' }: SpliceOptions = {}): SplicedJson {
  const { json, nonce, images } = stringify(value)
  if (images.length === 0) return createPlainJson(prefix + json + suffix)
  const parts: (Buffer | EncodedImage)[] = []
  let from = 0
  let before = prefix
  for (const image of images) {
    const at = json.indexOf(nonce, from)
    if (at === -1) throw new Error('a picture that was asked for its place is not in the JSON')
    parts.push(Buffer.from(before + json.slice(from, at)), image)
    before = ''
    from = at + nonce.length
  }
  parts.push(Buffer.from(before + json.slice(from) + suffix))
  return createSplicedJson(parts, images)
}

function stringify(value: unknown) {
  const outer = collector
  const mine: Collector = { nonce: '', images: [] }
  collector = mine
  try {
    const json = JSON.stringify(value)
    if (json === undefined) throw new TypeError('only a JSON value can be serialised')
    return { json, ...mine }
  } finally {
    collector = outer
  }
}

function createPlainJson(text: string): SplicedJson {
  const bytes = () => Buffer.from(text)
  return {
    text,
    get byteLength() {
      return Buffer.byteLength(text)
    },
    get buffers() {
      return [bytes()]
    },
    async *chunks() {
      yield bytes()
    },
    stream: () => streamOf([bytes()]),
    async release() {},
  }
}

function createSplicedJson(parts: readonly (Buffer | EncodedImage)[], images: readonly EncodedImage[]): SplicedJson {
  const buffers = inMemory(parts)
  async function* chunks() {
    for (const part of parts) {
      if (Buffer.isBuffer(part)) yield part
      else yield* part.chunks()
    }
  }
  return {
    byteLength: parts.reduce((sum, part) => sum + (Buffer.isBuffer(part) ? part.length : part.encodedBytes), 0),
    text: undefined,
    buffers,
    chunks,
    stream: () => (buffers === undefined ? Readable.from(chunks(), { objectMode: false }) : streamOf(buffers)),
    async release() {
      await Promise.all(images.map((image) => image.release()))
    },
  }
}

/** Without the promises that an iterator would cost for each Buffer. */
function streamOf(buffers: readonly Buffer[]): Readable {
  let next = 0
  return new Readable({
    read() {
      let wantsMore = true
      while (wantsMore) wantsMore = this.push(buffers[next++] ?? null)
    },
  })
}

function inMemory(parts: readonly (Buffer | EncodedImage)[]): Buffer[] | undefined {
  const buffers: Buffer[] = []
  for (const part of parts) {
    if (Buffer.isBuffer(part)) {
      buffers.push(part)
      continue
    }
    const chunks = part.chunks()
    if (!(Symbol.iterator in chunks)) return undefined
    for (const chunk of chunks) buffers.push(chunk)
  }
  return buffers
}
