import { Base64Error, createBase64Decoder, decodedCapacity } from '../base64-decoder.ts'
import type { BufferPool, PooledBuffer } from '../buffer-pool.ts'
import { forEachMember } from './placeholders.ts'

/** What may stand before base64 in a data URL. */
const DATA_URL = /^data:[\w.+/;=-]{0,100},/i

/**
 * The bytes of an image in a client's message. In JSON it is a long base64 text that was decoded while the message was
 * parsed, because `JSON.parse` would look at every character for escapes and copy it into its heap; it replaces the text in
 * the parsed value. In a form it is a part.
 */
export class InlineBlob implements Disposable {
  /** The beginning of a data URL with its comma, or empty. */
  readonly header: string
  /** In pooled memory; empty once the message that it came in is disposed. */
  readonly bytes: Buffer
  /** Bytes of memory, which are somewhat more than `bytes`. */
  readonly allocatedBytes: number
  readonly #memory: PooledBuffer

  private constructor(header: string, memory: PooledBuffer, length: number) {
    this.header = header
    this.bytes = memory.bytes.subarray(0, length)
    this.allocatedBytes = memory.bytes.buffer.byteLength
    this.#memory = memory
  }

  /** A copy of an image that arrived as it is, in a form. */
  static copyOf(bytes: Buffer, pool: BufferPool): InlineBlob {
    const memory = bytes.length > SMALL_BYTES ? pool.acquire(bytes.length) : unpooled(bytes.length)
    bytes.copy(memory.bytes)
    return new InlineBlob('', memory, bytes.length)
  }

  /** `undefined` for what is not canonical base64: only that encodes to the same text again. */
  static decode(text: Buffer, pool: BufferPool): InlineBlob | undefined {
    const header = DATA_URL.exec(text.toString('latin1', 0, 128))?.[0] ?? ''
    const memory = pool.acquire(decodedCapacity(text.length))
    try {
      const decoder = createBase64Decoder()
      const length = decoder.write(text.subarray(header.length), memory.bytes)
      decoder.end()
      return new InlineBlob(header, memory, length)
    } catch (error) {
      memory[Symbol.dispose]()
      if (error instanceof Base64Error) return undefined
      throw error
    }
  }

  /** The text that the client sent, or would have sent in JSON. */
  toText(): string {
    return this.header + this.bytes.toString('base64')
  }

  toJSON(): string {
    return `(${this.bytes.length} bytes)`
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]()
  }
}

/** A form has many parts, and a pooled buffer is longer than most of them. */
const SMALL_BYTES = 65_536

function unpooled(bytes: number): PooledBuffer {
  return { bytes: Buffer.allocUnsafeSlow(bytes), [Symbol.dispose]: () => undefined }
}

/** Turns the blobs in `root` back into their texts, except in members for which `mayStay` says so. */
export function restoreTexts(root: object, mayStay: (parent: object, key: string) => boolean = () => false): void {
  forEachMember(root, (parent, key, value) => {
    if (mayStay(parent, key)) return false
    if (!(value instanceof InlineBlob)) return true
    Reflect.set(parent, key, value.toText())
    return false
  })
}
