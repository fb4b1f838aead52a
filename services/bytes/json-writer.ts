import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Base64Image } from './base64-image.ts'

/**
 * Megabytes of base64 inside JSON, without ever being part of a JavaScript string.
 *
 * `JSON.stringify` makes the text; where it meets an image it asks `toJSON`, which leaves a placeholder and notes the
 * image. The text is then cut at the placeholders, and the images' own Buffers lie between the cuts. Base64 needs no
 * escape in JSON, so nothing of an image is looked at or copied. What `prepareJson` made goes in by the same way.
 *
 * A placeholder holds a random UUID that is made for one call and never leaves it, so no text of a caller can be it.
 */
export interface JsonBody {
  /** Bytes of the whole text, for `content-length`. */
  readonly byteLength: number
  /** The whole text, if no image is in it. */
  readonly whole: string | undefined
  /** All of it in order, if every image lies in memory: to be written at one go. */
  readonly buffers: readonly Buffer[] | undefined
  /** All of it in order, wherever the images lie. May be called more than once. */
  chunks(): AsyncIterable<Buffer>
  /** The same as a stream, which reads on only as fast as it is read. */
  stream(): Readable
  /** Releases every image in it. Idempotent. */
  release(): Promise<void>
}

export interface SpliceOptions {
  /** Text before the JSON, as of a server-sent event. */
  prefix?: string
  /** Text behind it. */
  suffix?: string
}

/** What takes the place of a placeholder: an image between its quotes, or finished JSON instead of them. */
type Insert = Base64Image | string
/** What an answer with images is made of. */
type Part = Base64Image | Buffer

interface Collector {
  /** Made for the first insert. */
  nonce: string
  inserts: Insert[]
}

/** Set only while `JSON.stringify` runs, which is synchronous. */
let collector: Collector | undefined

function putInto(collecting: Collector, insert: Insert): string {
  collecting.inserts.push(insert)
  collecting.nonce ||= randomUUID()
  return collecting.nonce
}

/** What an image's `toJSON` answers. */
export function placeholderOf(image: Base64Image): string {
  return collector === undefined ? `(${image.mimeType}, ${image.bytes} bytes)` : putInto(collector, image)
}

/**
 * Makes the JSON of a value once, for one that goes into many answers. It is frozen, and stays what it is to everybody
 * but `spliceJson`.
 */
export function prepareJson<T extends object>(value: T): T {
  const json = JSON.stringify(value).replaceAll(beyondAscii, escapeOf)
  const toJSON = () => (collector === undefined ? value : putInto(collector, json))
  return Object.freeze(Object.defineProperty(value, 'toJSON', { value: toJSON }))
}

const beyondAscii = /[^\0-\x7f]/g

/** A string of nothing but ASCII is held and sent a byte a character, as any other is not. */
function escapeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** Serialises `value` as `JSON.stringify` does, with each `EncodedImage` in it as a string of its base64 text. */
export function writeJson(value: unknown, { prefix = '', suffix = '' }: SpliceOptions = {}): JsonBody {
  const { json, nonce, inserts } = stringify(value)
  const parts: Part[] = []
  let text = prefix
  let from = 0
  for (const insert of inserts) {
    const at = json.indexOf(nonce, from)
    if (at === -1) throw new Error('what was asked for its place is not in the JSON')
    if (typeof insert === 'string') {
      text += json.slice(from, at - 1) + insert
      from = at + nonce.length + 1
    } else {
      parts.push(Buffer.from(text + json.slice(from, at)), insert)
      text = ''
      from = at + nonce.length
    }
  }
  text += json.slice(from) + suffix
  return parts.length === 0 ? createPlainJson(text) : createSplicedJson([...parts, Buffer.from(text)])
}

function stringify(value: unknown) {
  const outer = collector
  const mine: Collector = { nonce: '', inserts: [] }
  collector = mine
  try {
    const json = JSON.stringify(value)
    if (json === undefined) throw new TypeError('only a JSON value can be serialised')
    return { json, ...mine }
  } finally {
    collector = outer
  }
}

function createPlainJson(whole: string): JsonBody {
  return {
    whole,
    get byteLength() {
      return Buffer.byteLength(whole)
    },
    get buffers() {
      return [Buffer.from(whole)]
    },
    async *chunks() {
      yield Buffer.from(whole)
    },
    stream: () => streamOf([Buffer.from(whole)]),
    async release() {},
  }
}

function createSplicedJson(parts: readonly Part[]): JsonBody {
  const buffers = inMemory(parts)
  async function* chunks() {
    for (const part of parts) {
      if (Buffer.isBuffer(part)) yield part
      else yield* part.chunks()
    }
  }
  return {
    byteLength: parts.reduce((sum, part) => sum + (Buffer.isBuffer(part) ? part.length : part.encodedBytes), 0),
    whole: undefined,
    buffers,
    chunks,
    stream: () => (buffers === undefined ? Readable.from(chunks(), { objectMode: false }) : streamOf(buffers)),
    async release() {
      await Promise.all(parts.map((part) => (Buffer.isBuffer(part) ? undefined : part.release())))
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

function inMemory(parts: readonly Part[]): Buffer[] | undefined {
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
