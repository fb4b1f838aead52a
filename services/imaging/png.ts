import { promisify } from 'node:util'
import { crc32, deflate } from 'node:zlib'

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

/**
 * An 8-bit RGBA PNG of rows that are already filtered and deflated.
 * https://www.w3.org/TR/png-3/#5DataRep
 */
export function encodePng({ width, height }: { width: number; height: number }, deflatedRows: Buffer): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  // Bit depth, colour type (RGBA), then the only compression and filter methods, and no interlacing.
  header.set([8, 6, 0, 0, 0], 8)
  return Buffer.concat([SIGNATURE, chunk('IHDR', header), chunk('IDAT', deflatedRows), chunk('IEND', Buffer.alloc(0))])
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const frame = Buffer.alloc(8 + body.length)
  frame.writeUInt32BE(data.length, 0)
  body.copy(frame, 4)
  frame.writeUInt32BE(crc32(body), 4 + body.length)
  return frame
}

const deflateAsync = promisify(deflate)
/** Behind the signature and the first chunk, which has 13 bytes. */
const BEHIND_HEADER = SIGNATURE.length + 12 + 13

/** The PNG, which has no colour profile, with this one. https://www.w3.org/TR/png-3/#11iCCP */
export async function withProfile(png: Buffer, profile: Buffer): Promise<Buffer> {
  // A name, its end, and the only compression method.
  const data = Buffer.concat([Buffer.from('icc\0\0', 'latin1'), await deflateAsync(profile)])
  return Buffer.concat([png.subarray(0, BEHIND_HEADER), chunk('iCCP', data), png.subarray(BEHIND_HEADER)])
}
