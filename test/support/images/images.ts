import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32, deflateSync } from 'node:zlib'
import sharp, { type Sharp } from 'sharp'

/** Valid images, and invalid ones built by hand. */
export function drawing(width = 40, height = 30, channels: 3 | 4 = 3): Sharp {
  const raw = Buffer.alloc(width * height * channels)
  for (let at = 0; at < raw.length; at++) raw[at] = (at * 31) % 256
  return sharp(raw, { raw: { width, height, channels } })
}

export const png = (width?: number, height?: number) => drawing(width, height).png().toBuffer()
export const jpeg = (width?: number, height?: number) => drawing(width, height).jpeg().toBuffer()
export const webp = (width?: number, height?: number) => drawing(width, height).webp().toBuffer()
export const losslessWebp = () => drawing(40, 30, 4).webp({ lossless: true }).toBuffer()
export const gif = (width?: number, height?: number) => drawing(width, height).gif().toBuffer()

/** Three frames of 40x30. */
export async function animation(format: 'gif' | 'webp'): Promise<Buffer> {
  const frames = await Promise.all([0, 120, 240].map((hue) => drawing().modulate({ hue }).png().toBuffer()))
  const joined = sharp(frames, { join: { animated: true } })
  return format === 'gif'
    ? joined.gif({ delay: [50, 50, 50] }).toBuffer()
    : joined.webp({ delay: [50, 50, 50] }).toBuffer()
}

export function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const frame = Buffer.alloc(4)
  frame.writeUInt32BE(data.length)
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(body))
  return Buffer.concat([frame, body, sum])
}

export const pngSignature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')

/** A grey PNG whose header may claim another size. */
export function pngOf({
  width,
  height,
  bitDepth = 8,
  extra = [] as Buffer[],
  data = deflateSync(Buffer.alloc(64)),
}: {
  width: number
  height: number
  bitDepth?: number
  extra?: Buffer[]
  data?: Buffer
}): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header[8] = bitDepth
  return Buffer.concat([
    pngSignature,
    pngChunk('IHDR', header),
    ...extra,
    pngChunk('IDAT', data),
    pngChunk('IEND', Buffer.alloc(0)),
  ])
}

/** The chunk that marks a PNG as animated. */
export function animationControl(frames: number): Buffer {
  const data = Buffer.alloc(8)
  data.writeUInt32BE(frames)
  return pngChunk('acTL', data)
}

/** A grey PNG with uncompressed pixels, one byte each. */
export function plainPng(side: number, shade: number): Buffer {
  const row = Buffer.concat([Buffer.of(0), Buffer.alloc(side, shade)])
  return pngOf({ width: side, height: side, data: deflateSync(Buffer.concat(Array(side).fill(row)), { level: 0 }) })
}

/** A square of grey noise, which no encoder makes small. */
export const noisePng = (edge: number) =>
  pngOf({ width: edge, height: edge, data: deflateSync(noiseRows(edge + 1, edge), { level: 0 }) })

/** Rows of pseudo-random bytes, each with the filter type 0 in front. */
function noiseRows(rowBytes: number, rows: number): Buffer {
  let state = 1
  return Buffer.from(
    Array.from({ length: rowBytes * rows }, (_, at) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return at % rowBytes === 0 ? 0 : state >>> 24
    }),
  )
}

/** An image written by a phone or another program. */
export const fixture = (name: string) => readFile(join(import.meta.dirname, '../../fixtures/images', name))
