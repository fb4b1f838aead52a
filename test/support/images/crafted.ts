import { segment } from './oriented.ts'

/** Valid, small images that are as expensive to decode as their formats allow; no encoder writes them. */

export interface JpegKind {
  width: number
  height: number
  /** Marker of the frame: 0xc0 baseline, 0xc2 progressive, 0xc9 and 0xca the same with arithmetic coding. */
  frame: number
  components: number
}

/** A grey JPEG with one scan per component, so that a decoder must buffer all coefficients until the last. */
export function jpegOfManyScans({ width, height, frame, components }: JpegKind): Buffer {
  const isProgressive = frame === 0xc2 || frame === 0xca
  const isArithmetic = frame > 0xc8
  const head = Buffer.alloc(6 + 3 * components)
  head[0] = 8
  head.writeUInt16BE(height, 1)
  head.writeUInt16BE(width, 3)
  head[5] = components
  for (let index = 0; index < components; index++) head.set([index + 1, 0x11, 0], 6 + 3 * index)
  // One code of one bit without meaning.
  const codes = (type: number) => segment(0xc4, Buffer.from([type << 4, 1, ...Array<number>(15).fill(0), 0]))
  const blocks = Math.ceil(width / 8) * Math.ceil(height / 8)
  const data = isArithmetic ? Buffer.alloc(64, 0x55) : Buffer.alloc(Math.ceil(blocks / 4))
  const scans = Array.from({ length: components }, (_, index) => [
    segment(0xda, Buffer.from([1, index + 1, 0, 0, isProgressive ? 0 : 63, 0])),
    data,
  ])
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    segment(0xdb, Buffer.alloc(65, 1).fill(0, 0, 1)),
    segment(frame, head),
    ...(isArithmetic ? [] : [codes(0), codes(1)]),
    ...scans.flat(),
    Buffer.from([0xff, 0xd9]),
  ])
}

const CODE_SETS = 65_536

/** Bits, the lowest first. */
class BitWriter {
  readonly #bytes: Buffer
  #length = 0

  constructor(bytes: number) {
    this.#bytes = Buffer.alloc(bytes)
  }

  put(value: number, bits: number): void {
    for (let bit = 0; bit < bits; bit++, this.#length++) {
      if (((value >>> bit) & 1) === 1) this.#bytes[this.#length >> 3] = this.#byte | (1 << (this.#length & 7))
    }
  }

  get #byte(): number {
    return this.#bytes[this.#length >> 3] ?? 0
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, (this.#length + 7) >> 3)
  }
}

/** A code of one value, which needs no bits. https://developers.google.com/speed/webp/docs/webp_lossless_bitstream_specification#62_details */
function putEmptyCode(writer: BitWriter): void {
  writer.put(0b0001, 4)
}

/** A code of 8 bits for each of 256 values; none for others up to `alphabet`. */
function putByteCode(writer: BitWriter, alphabet: number): void {
  writer.put(0, 1)
  writer.put(12 - 4, 4)
  // In the order of the format: lengths 0 and 8 get a bit each, the others none.
  for (const length of [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8]) writer.put(length === 0 || length === 8 ? 1 : 0, 3)
  writer.put(0, 1)
  for (let value = 0; value < alphabet; value++) writer.put(value < 256 ? 1 : 0, 1)
}

const reversed = (byte: number) => Number.parseInt(byte.toString(2).padStart(8, '0').split('').reverse().join(''), 2)

/** A black lossless WebP with a set of codes for every 4 by 4 pixels, 65,536 at most; a decoder makes tables of each. */
export function webpOfManyCodes(width: number, height: number): Buffer {
  const tiles = Math.ceil(width / 4) * Math.ceil(height / 4)
  const writer = new BitWriter(1000 + tiles * 2 + CODE_SETS * 3)
  writer.put(0x2f, 8)
  writer.put(width - 1, 14)
  writer.put(height - 1, 14)
  // No opacity, version 0, no transform, no colour cache; code sets by tiles of 4 by 4, whose image has no cache either.
  writer.put(0, 1 + 3 + 1 + 1)
  writer.put(1, 1)
  writer.put(0, 3 + 1)
  putByteCode(writer, 280)
  putByteCode(writer, 256)
  for (let code = 0; code < 3; code++) putEmptyCode(writer)
  const sets = Math.min(tiles, CODE_SETS)
  for (let tile = 0; tile < tiles; tile++) {
    const set = Math.min(tile, sets - 1)
    writer.put(reversed(set & 0xff), 8)
    writer.put(reversed(set >> 8), 8)
  }
  for (let code = 0; code < sets * 5; code++) putEmptyCode(writer)
  const data = Buffer.concat([writer.bytes, Buffer.alloc(8 + (writer.bytes.length % 2))])
  const head = Buffer.from('RIFF\0\0\0\0WEBPVP8L\0\0\0\0', 'latin1')
  head.writeUInt32LE(12 + data.length, 4)
  head.writeUInt32LE(data.length, 16)
  return Buffer.concat([head, data])
}
