import { Base64Error } from '../base64-decoder.ts'
import { isJsonWhitespace } from './string-scanner.ts'

const BACKSLASH = 0x5c
const LETTER_U = 0x75
/** What must be removed or replaced: escapes, whitespace, and the letters of the alphabet for URLs. */
const FOREIGN_BYTES = Buffer.from('\\ \t\r\n-_')

/**
 * Turns the forms in which JSON writers put base64 into a string, which arrives cut anywhere, into the canonical one:
 * removes escapes (`\/`, and a letter by its number) and whitespace, and replaces the alphabet for URLs (RFC 4648 §5). A
 * chunk without any of them is returned as it is, without a copy.
 */
export class Base64Unescaper {
  /** The beginning of an escape that a chunk was cut in. */
  #cut: Buffer = Buffer.alloc(0)

  /** @throws Base64Error for an escape that base64 cannot contain */
  write(chunk: Buffer): Buffer {
    if (this.#cut.length === 0 && !FOREIGN_BYTES.some((byte) => chunk.includes(byte))) return chunk
    const input = Buffer.concat([this.#cut, chunk])
    const output = Buffer.allocUnsafe(input.length)
    let written = 0
    for (let from = 0; ; ) {
      const at = input.indexOf(BACKSLASH, from)
      written += input.copy(output, written, from, at === -1 ? input.length : at)
      const length = input[at + 1] === LETTER_U ? 6 : 2
      if (at === -1 || at + length > input.length) {
        this.#cut = at === -1 ? Buffer.alloc(0) : input.subarray(at)
        return canonical(output.subarray(0, written))
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

/** Changes the bytes in place. */
function canonical(bytes: Buffer): Buffer {
  let length = 0
  for (const byte of bytes) {
    if (byte === 0x2d) bytes[length++] = 0x2b
    else if (byte === 0x5f) bytes[length++] = 0x2f
    else if (!isJsonWhitespace(byte)) bytes[length++] = byte
  }
  return bytes.subarray(0, length)
}

/** `undefined` for whitespace. */
function codeOfEscape(letters: string): number | undefined {
  if (letters === '/') return 0x2f
  if (/^[nrt]$/.test(letters)) return undefined
  if (/^u00[0-7][0-9a-f]$/i.test(letters)) return Number.parseInt(letters.slice(1), 16)
  throw new Base64Error('an escape that base64 cannot contain')
}
