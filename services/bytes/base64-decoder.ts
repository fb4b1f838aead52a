/** Thrown when text is not canonical base64 (RFC 4648 §4: padded, no line breaks, unused bits zero). */
export class Base64Error extends Error {
  override name = 'Base64Error'
}

/**
 * Decodes canonical base64 that arrives as Buffers cut anywhere, checking every character. Text goes through the native
 * decoder; up to three characters wait for the rest of their group.
 */
export interface Base64Decoder {
  /**
   * Decodes a chunk into `target` and returns the bytes written. `target` needs room for `decodedCapacity(chunk.length)`.
   * @throws Base64Error
   */
  write(chunk: Buffer, target: Buffer): number
  /** @throws Base64Error when the text stopped inside a group. */
  end(): void
}

/** Bytes that a chunk of so many characters can give at most, characters kept from before included. */
export function decodedCapacity(characters: number): number {
  return ((characters + 3) >> 2) * 3
}

export function createBase64Decoder(): Base64Decoder {
  const group = Buffer.alloc(4)
  let grouped = 0
  let padded = false

  function decodeText(text: string, target: Buffer, at: number): number {
    if (padded) throw new Base64Error('text after the padding')
    const expected = (text.length / 4) * 3
    let written: number
    try {
      written = target.subarray(at).setFromBase64(text, { lastChunkHandling: 'strict' }).written
    } catch (cause) {
      throw new Base64Error('not canonical base64', { cause })
    }
    // The native decoder skips blanks: only padding may explain missing bytes.
    const missing = expected - written
    if (missing === 0) return written
    padded = (missing === 1 && text.endsWith('=')) || (missing === 2 && text.endsWith('=='))
    if (!padded) throw new Base64Error('a blank inside the text')
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
        written = decodeText(group.toString('latin1'), target, 0)
        grouped = 0
      }
      const end = chunk.length - ((chunk.length - from) & 3)
      if (end > from) written += decodeText(chunk.toString('latin1', from, end), target, written)
      grouped = chunk.copy(group, 0, end)
      return written
    },
    end() {
      if (grouped > 0) throw new Base64Error('the text stops inside a group')
    },
  }
}
