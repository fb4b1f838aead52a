import { createCipheriv, createHash } from 'node:crypto'
import { crc32, deflateSync } from 'node:zlib'

/** A PNG that every process of the benchmark generates identically. */
export interface Image {
  bytes: Buffer
  base64: Buffer
  sha256: string
}

export const MiB = 1024 * 1024

const images = new Map<number, Image>()

/** A decodable image of incompressible noise; at most one row smaller than `bytes`. */
export function imageOf(bytes: number): Image {
  const known = images.get(bytes)
  if (known !== undefined) return known
  const side = Math.floor(Math.sqrt(bytes / 3))
  const png = encodePng(side, noise(side * (3 * side + 1)))
  const image = { bytes: png, base64: Buffer.from(png.toString('base64'), 'latin1'), sha256: sha256(png) }
  images.set(bytes, image)
  return image
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** The same noise for equal lengths. */
function noise(length: number): Buffer {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16, length & 0xff))
  return cipher.update(Buffer.alloc(length))
}

/** https://www.w3.org/TR/png-3/ */
function encodePng(side: number, rows: Buffer): Buffer {
  const filterNone = 0
  for (let row = 0; row < side; row++) rows[row * (3 * side + 1)] = filterNone
  const header = Buffer.alloc(13)
  header.writeUInt32BE(side, 0)
  header.writeUInt32BE(side, 4)
  header.set([8, 2, 0, 0, 0], 8)
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows, { level: 0 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const frame = Buffer.alloc(8)
  frame.writeUInt32BE(data.length, 0)
  frame.writeUInt32BE(crc32(body), 4)
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)])
}
