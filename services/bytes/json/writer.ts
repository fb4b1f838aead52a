import { Readable } from 'node:stream'
import { Base64Image, disposeAll } from '../base64-image.ts'
import { asciiJson } from '../tuning.ts'
import { Placeholders } from './placeholders.ts'

/** JSON with images in it, none of which is ever part of a JavaScript string. Disposing it disposes its images. */
export interface JsonBody extends AsyncDisposable {
  [Symbol.asyncDispose](): Promise<void>
  /** Bytes of the whole text, for `content-length`. */
  readonly byteLength: number
  /** The whole text, if it contains no image. */
  readonly whole: string | undefined
  /** All of it in order, if every image is in memory: for one write. */
  readonly buffers: readonly Buffer[] | undefined
  /** All of it in order, wherever the images are. May be called more than once. */
  chunks(): AsyncIterable<Buffer>
  /** The same as a stream, which reads images only as fast as it is read. */
  stream(): Readable
}

export interface WriteOptions {
  /** Text before the JSON, as of a server-sent event. */
  prefix?: string
  /** Text after it. */
  suffix?: string
}

/** A value whose JSON is made once, for one that is part of many responses. It is frozen. */
export class PreparedJson<T extends object = object> {
  readonly value: T
  readonly json: string

  constructor(value: T) {
    this.value = Object.freeze(value)
    this.json = asciiJson(JSON.stringify(value))
  }

  /** For plain `JSON.stringify`. */
  toJSON(): T {
    return this.value
  }
}

type Insert = Base64Image | PreparedJson
type Part = Base64Image | Buffer

/**
 * Serialises `value` as `JSON.stringify` does, with each `Base64Image` in it as a string of its base64 text. The text is
 * cut where the images are, and their own Buffers lie between the cuts: base64 needs no escape in JSON, so nothing of an
 * image is looked at or copied.
 */
export function writeJson(value: unknown, { prefix = '', suffix = '' }: WriteOptions = {}): JsonBody {
  const { json, inserts } = stringify(value)
  const parts: Part[] = []
  let text = prefix
  let from = 0
  for (const [name, insert] of inserts.entries()) {
    const at = json.indexOf(name, from)
    if (insert instanceof Base64Image) {
      parts.push(Buffer.from(text + json.slice(from, at)), insert)
      text = ''
      from = at + name.length
    } else {
      // Instead of the placeholder and its quotes.
      text += json.slice(from, at - 1) + insert.json
      from = at + name.length + 1
    }
  }
  text += json.slice(from) + suffix
  return parts.length === 0 ? new PlainJson(text) : new SplicedJson([...parts, Buffer.from(text)])
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

class PlainJson implements JsonBody {
  readonly whole: string

  constructor(text: string) {
    this.whole = text
  }

  get byteLength() {
    return Buffer.byteLength(this.whole)
  }

  get buffers() {
    return [Buffer.from(this.whole)]
  }

  async *chunks() {
    yield Buffer.from(this.whole)
  }

  stream() {
    return streamOf(this.buffers)
  }

  async [Symbol.asyncDispose]() {}
}

class SplicedJson implements JsonBody {
  readonly whole = undefined
  readonly byteLength: number
  readonly buffers: readonly Buffer[] | undefined
  readonly #parts: readonly Part[]

  constructor(parts: readonly Part[]) {
    this.#parts = parts
    this.byteLength = parts.reduce((sum, part) => sum + (Buffer.isBuffer(part) ? part.length : part.encodedBytes), 0)
    this.buffers = inMemory(parts)
  }

  async *chunks() {
    for (const part of this.#parts) {
      if (Buffer.isBuffer(part)) yield part
      else yield* part.chunks()
    }
  }

  stream() {
    return this.buffers === undefined ? Readable.from(this.chunks(), { objectMode: false }) : streamOf(this.buffers)
  }

  async [Symbol.asyncDispose]() {
    await disposeAll(this.#parts.filter((part) => part instanceof Base64Image))
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
