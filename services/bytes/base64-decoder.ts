import { AppError } from '../errors/app-error.ts'

/** Thrown for text that is not canonical base64 (RFC 4648 §4: padded, no line breaks, unused bits zero). */
export class Base64Error extends AppError {
  override name = 'Base64Error'
}

/**
 * Decodes canonical base64 that arrives as Buffers cut anywhere, and checks every character. The native decoder does the
 * work; up to three characters wait for the rest of their group.
 */
export interface Base64Decoder {
  /**
   * Decodes a chunk into `target`, which needs `decodedCapacity(chunk.length)` bytes. Returns the bytes written.
   * @throws Base64Error
   */
  write(chunk: Buffer, target: Buffer): number
  /** @throws Base64Error if the text stopped inside a group */
  end(): void
}

/** Characters decoded at a time: each slice becomes a JavaScript string for a moment. */
export const DECODED_AT_A_TIME = 65_536

/** Bytes that a chunk of so many characters yields at most, including characters of earlier chunks. */
export function decodedCapacity(characters: number): number {
  return ((characters + 3) >> 2) * 3
}

export function createBase64Decoder(): Base64Decoder {
  const group = Buffer.alloc(4)
  let grouped = 0
  let isPadded = false

  function decodeText(text: string, target: Buffer): number {
    if (isPadded) throw new Base64Error('text after the padding')
    const expected = (text.length / 4) * 3
    let written: number
    try {
      written = target.setFromBase64(text, { lastChunkHandling: 'strict' }).written
    } catch (cause) {
      throw new Base64Error('not canonical base64', { cause })
    }
    // The native decoder skips whitespace: only padding may explain missing bytes.
    const missing = expected - written
    if (missing === 0) return written
    isPadded = (missing === 1 && text.endsWith('=')) || (missing === 2 && text.endsWith('=='))
    if (!isPadded) throw new Base64Error('whitespace inside the text')
    return written
  }

  return {
    write(chunk, target) {
      let from = 0
      let written = 0
      if (grouped > 0) {
        from = Math.min(4 - grouped, chunk.length)
        chunk.copy(group, grouped, 0, from)
        grouped += from
        if (grouped < 4) return 0
        written = decodeText(group.toString('latin1'), target)
        grouped = 0
      }
      const end = chunk.length - ((chunk.length - from) & 3)
      for (; from < end; from += DECODED_AT_A_TIME) {
        const slice = chunk.toString('latin1', from, Math.min(end, from + DECODED_AT_A_TIME))
        written += decodeText(slice, target.subarray(written))
      }
      grouped = chunk.copy(group, 0, end)
      return written
    },
    end() {
      if (grouped > 0) throw new Base64Error('the text stops inside a group')
    },
  }
}
