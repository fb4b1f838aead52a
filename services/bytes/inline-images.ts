import { randomUUID } from 'node:crypto'
import type { InlineImage } from './base64.ts'
import { Base64Error, createBase64Decoder, decodedCapacity } from './base64-decoder.ts'
import { acquireBuffer, release } from './buffer-pool.ts'

/** A string in JSON: where its text begins, and where its closing quote stands. */
export interface StringSpan {
  start: number
  end: number
}

/** Characters from which a string is worth the trouble. */
export const LONG_STRING = 65_536

/** The long base64 texts of one message, which has a name in the place of each. */
export interface InlineImages {
  /** Memory that they take. */
  readonly allocatedBytes: number
  /** What a string of the message stands for, if it is such a name. */
  find(name: string): InlineImage | undefined
  /** Puts the texts themselves back where their names are, except in members for which `isLeft` says so. */
  restore(node: object, isInline?: IsInline): void
  /** Gives the memory back: nobody may be reading it any more. Idempotent. */
  release(): void
}

export const noInlineImages: InlineImages = {
  allocatedBytes: 0,
  find: () => undefined,
  restore() {},
  release() {},
}

type IsInline = (node: object, key: string) => boolean

/** JSON without its long base64 texts. */
export interface ShortenedJson {
  text: string
  images: InlineImages
}

/**
 * Takes images out of JSON before it is parsed, and decodes them: `JSON.parse` would look at every character for
 * escapes and copy it into its heap, and whoever wants the bytes would have to decode the copy. Only canonical base64
 * (also in a data URL) is taken out, so that putting it back gives exactly what `JSON.parse` would have given; all
 * else stays where it is. Names are random, so that no text of a caller can be one.
 */
export function extractInlineImages(body: Buffer, spans: readonly StringSpan[]): ShortenedJson {
  const found = new Map<string, InlineImage>()
  let text = ''
  let from = 0
  for (const { start, end } of spans) {
    const image = isKey(body, end) ? undefined : decode(body.subarray(start, end))
    if (image === undefined) continue
    const name = randomUUID()
    found.set(name, image)
    text += body.toString('utf8', from, start) + name
    from = end
  }
  text += body.toString('utf8', from)
  return { text, images: found.size === 0 ? noInlineImages : createInlineImages(found) }
}

function createInlineImages(found: ReadonlyMap<string, InlineImage>): InlineImages {
  function restore(node: object, isInline?: IsInline): void {
    for (const key of Object.keys(node)) {
      if (isInline?.(node, key)) continue
      const child: unknown = Reflect.get(node, key)
      if (typeof child === 'object' && child !== null) restore(child, isInline)
      const image = typeof child === 'string' ? found.get(child) : undefined
      if (image !== undefined) Reflect.set(node, key, image.header + image.bytes.toString('base64'))
    }
  }
  const buffers = [...found.values()].map(({ bytes }) => bytes)
  return {
    allocatedBytes: buffers.reduce((sum, { buffer }) => sum + buffer.byteLength, 0),
    find: (name) => found.get(name),
    restore,
    release: () => release(buffers),
  }
}

/** Whether a colon follows the string. */
function isKey(body: Buffer, end: number): boolean {
  let at = end + 1
  while (isBlank(body[at])) at++
  return body[at] === 0x3a
}

/** https://www.rfc-editor.org/rfc/rfc8259#section-2 */
function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d
}

/** Characters decoded at a time. */
const chunkLength = 65_536
/** What may stand before base64 in a data URL. */
const dataUrl = /^data:[\w.+/;=-]{0,100},/i

/** Undefined: it is not canonical base64. */
function decode(text: Buffer): InlineImage | undefined {
  const header = dataUrl.exec(text.toString('latin1', 0, 128))?.[0] ?? ''
  const memory = acquireBuffer(decodedCapacity(text.length))
  const decoder = createBase64Decoder()
  let length = 0
  try {
    for (let at = header.length; at < text.length; at += chunkLength) {
      length += decoder.write(text.subarray(at, at + chunkLength), memory.subarray(length))
    }
    decoder.end()
    return { header, bytes: memory.subarray(0, length) }
  } catch (error) {
    release([memory])
    if (error instanceof Base64Error) return undefined
    throw error
  }
}
