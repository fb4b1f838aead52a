import { Base64Error } from '../base64-decoder.ts'

const BACKSLASH = 0x5c
const LETTER_U = 0x75

/**
 * Removes the escapes that JSON writers put into base64 (`\/`, and a letter by its number) from a string that arrives cut
 * anywhere; escaped line breaks vanish. A chunk without an escape is returned as it is, without a copy.
 */
export class Base64Unescaper {
  /** The beginning of an escape that a chunk was cut in. */
  #cut: Buffer = Buffer.alloc(0)

  /** @throws Base64Error for an escape that base64 cannot contain */
  write(chunk: Buffer): Buffer {
    if (this.#cut.length === 0 && chunk.indexOf(BACKSLASH) === -1) return chunk
    const input = Buffer.concat([this.#cut, chunk])
    const output = Buffer.allocUnsafe(input.length)
    let written = 0
    for (let from = 0; ; ) {
      const at = input.indexOf(BACKSLASH, from)
      written += input.copy(output, written, from, at === -1 ? input.length : at)
      const length = input[at + 1] === LETTER_U ? 6 : 2
      if (at === -1 || at + length > input.length) {
        this.#cut = at === -1 ? Buffer.alloc(0) : input.subarray(at)
        return output.subarray(0, written)
      }
      const code = codeOfEscape(input.toString('latin1', at + 1, at + length))
      if (code !== undefined) output[written++] = code
      from = at + length
    }
  }

  /** @throws Base64Error inside an escape */
  end(): void {
    if (this.#cut.length > 0) throw new Base64Error('the text stops inside an escape')
  }
}

/** `undefined` for a line break. */
function codeOfEscape(letters: string): number | undefined {
  if (letters === '/') return 0x2f
  if (letters === 'n' || letters === 'r') return undefined
  if (/^u00[0-7][0-9a-f]$/i.test(letters)) return Number.parseInt(letters.slice(1), 16)
  throw new Base64Error('an escape that base64 cannot contain')
}
