import { Readable } from 'node:stream'
import { Base64Image } from '../base64-image.ts'
import { Placeholders } from './placeholders.ts'

export interface WriteOptions {
  /** Text before the JSON, as of a server-sent event. */
  prefix?: string
  /** Text after it. */
  suffix?: string
}

/** A value whose JSON is made once, for one that is part of many responses. It is frozen. */
export class PreparedJson<T extends object = object> {
  readonly value: T
  /** Its JSON. As a string it is sent together with the headers in one write, which costs less than encoding it. */
  readonly text: string

  constructor(value: T) {
    this.value = Object.freeze(value)
    this.text = JSON.stringify(value)
  }

  /** For plain `JSON.stringify`. */
  toJSON(): T {
    return this.value
  }
}

type Insert = Base64Image | PreparedJson
type Part = string | Base64Image

/**
 * Serialises `value` as `JSON.stringify` does, with each `Base64Image` in it as a string of its base64 text. The text is
 * cut where the images are, and their own Buffers lie between the cuts: base64 needs no escape in JSON, so nothing of an
 * image is looked at, and only short bodies are copied.
 */
export function writeJson(value: unknown, { prefix = '', suffix = '' }: WriteOptions = {}): JsonBody {
  const { json, inserts } = stringify(value)
  const parts: Part[] = []
  let text = prefix
  let from = 0
  for (const [name, insert] of inserts.entries()) {
    const at = json.indexOf(name, from)
    const isImage = insert instanceof Base64Image
    // Prepared JSON also replaces the quotes of its placeholder.
    const quote = isImage ? 0 : 1
    text += json.slice(from, at - quote)
    if (isImage) {
      parts.push(text, insert)
      text = ''
    } else text += insert.text
    from = at + name.length + quote
  }
  parts.push(text + json.slice(from) + suffix)
  return new JsonBody(parts)
}

function stringify(value: unknown): { json: string; inserts: Placeholders<Insert> } {
  const inserts = new Placeholders<Insert>()
  const json = JSON.stringify(value, function replace(this: unknown, key: string, member: unknown) {
    // `member` is what `toJSON` returned.
    const original: unknown = Reflect.get(Object(this), key)
    const insert = isInsert(original) ? original : member
    return isInsert(insert) ? inserts.add(insert) : member
  })
  if (json === undefined) throw new TypeError('only a JSON value can be serialised')
  return { json, inserts }
}

function isInsert(value: unknown): value is Insert {
  return value instanceof Base64Image || value instanceof PreparedJson
}

/** Up to this length, copying the parts into one Buffer costs less than sending them as a stream. */
const MAX_JOINED_BYTES = 262_144

/** JSON with images in it, none of which is ever part of a JavaScript string. It does not own the images. */
export class JsonBody {
  /** The whole text, if it contains no image or is short and in memory. */
  readonly whole: string | Buffer | undefined
  readonly #parts: readonly Part[]
  /** `undefined` where an image is in a file. */
  readonly #buffers: readonly Buffer[] | undefined

  /** @throws Error if an image has been disposed */
  constructor(parts: readonly Part[]) {
    this.#parts = parts
    const [first] = parts
    if (parts.length === 1 && typeof first === 'string') {
      this.whole = first
      return
    }
    const { byteLength } = this
    this.whole = byteLength <= MAX_JOINED_BYTES ? joined(parts, byteLength) : undefined
    this.#buffers = this.whole === undefined ? inMemory(parts) : [this.whole]
  }

  /** Bytes of the whole text, for `content-length`. */
  get byteLength(): number {
    let sum = 0
    for (const part of this.#parts) sum += part instanceof Base64Image ? part.encodedBytes : Buffer.byteLength(part)
    return sum
  }

  /** The text in order, wherever the images are. May be called more than once. */
  async *chunks(): AsyncGenerator<Buffer> {
    for (const part of this.#parts) yield* chunksOf(part)
  }

  /** The same as a stream, which reads images only as fast as it is read. */
  stream(): Readable {
    return this.#buffers === undefined ? Readable.from(this.chunks(), { objectMode: false }) : streamOf(this.#buffers)
  }
}

/** `undefined` if an image is in a file. */
function joined(parts: readonly Part[], byteLength: number): Buffer | undefined {
  const whole = Buffer.allocUnsafe(byteLength)
  let at = 0
  for (const part of parts) {
    if (typeof part === 'string') at += whole.write(part, at)
    else {
      const chunks = part.chunks()
      if (!(Symbol.iterator in chunks)) return undefined
      for (const chunk of chunks) at += chunk.copy(whole, at)
    }
  }
  // Never send memory that was not written to.
  return at === byteLength ? whole : undefined
}

function inMemory(parts: readonly Part[]): Buffer[] | undefined {
  const buffers: Buffer[] = []
  for (const part of parts) {
    const chunks = chunksOf(part)
    if (!(Symbol.iterator in chunks)) return undefined
    for (const chunk of chunks) buffers.push(chunk)
  }
  return buffers
}

function chunksOf(part: Part): Iterable<Buffer> | AsyncIterable<Buffer> {
  if (part instanceof Base64Image) return part.chunks()
  return [Buffer.from(part)]
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
