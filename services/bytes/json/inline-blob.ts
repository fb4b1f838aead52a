import { Base64Error, createBase64Decoder, decodedCapacity } from '../base64-decoder.ts'
import type { BufferPool, PooledBuffer } from '../buffer-pool.ts'
import { forEachMember } from './placeholders.ts'

/** What may stand before base64 in a data URL. */
const DATA_URL = /^data:[\w.+/;=-]{0,100},/i

/**
 * A long base64 text of a client's message, decoded while the message was parsed: `JSON.parse` would look at every
 * character for escapes and copy it into its heap. It replaces the text in the parsed value.
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

  /** The text that the client sent. */
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

/** Turns the blobs in `root` back into their texts, except in members for which `mayStay` says so. */
export function restoreTexts(root: object, mayStay: (parent: object, key: string) => boolean = () => false): void {
  forEachMember(root, (parent, key, value) => {
    if (mayStay(parent, key)) return false
    if (!(value instanceof InlineBlob)) return true
    Reflect.set(parent, key, value.toText())
    return false
  })
}
