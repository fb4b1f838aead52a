import sharp, { type Sharp } from 'sharp'
import { pngChunk } from './images.ts'

/** Images with rotated pixels and an orientation tag, built without the code under test. */

export type Pixel = readonly [red: number, green: number, blue: number, opacity: number]

/** An image as displayed. */
export interface Drawing {
  width: number
  height: number
  at(x: number, y: number): Pixel
}

/** The displayed position of a stored pixel. https://www.cipa.jp/std/documents/e/DC-008-2012_E.pdf §4.6.4, table 6 */
function shownAt(orientation: number, x: number, y: number, width: number, height: number): [x: number, y: number] {
  const [right, bottom] = [width - 1 - x, height - 1 - y]
  switch (orientation) {
    case 2:
      return [right, y]
    case 3:
      return [right, bottom]
    case 4:
      return [x, bottom]
    case 5:
      return [y, x]
    case 6:
      return [bottom, x]
    case 7:
      return [bottom, right]
    case 8:
      return [y, right]
    default:
      return [x, y]
  }
}

/** The pixels of a drawing as stored under an orientation tag. */
export function stored(drawing: Drawing, orientation: number): Sharp {
  const isSideways = orientation >= 5 && orientation <= 8
  const width = isSideways ? drawing.height : drawing.width
  const height = isSideways ? drawing.width : drawing.height
  const raw = Buffer.alloc(width * height * 4)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++)
      raw.set(drawing.at(...shownAt(orientation, x, y, width, height)), (y * width + x) * 4)
  }
  return sharp(raw, { raw: { width, height, channels: 4 } })
}

/** An EXIF block with one tag, its directory at an offset behind the header. */
export function exif(orientation: number, order: 'II' | 'MM' = 'II', gap = 0): Buffer {
  const block = Buffer.alloc(8 + gap + 2 + 12 + 4)
  const short = (value: number, at: number) =>
    order === 'II' ? block.writeUInt16LE(value, at) : block.writeUInt16BE(value, at)
  const long = (value: number, at: number) =>
    order === 'II' ? block.writeUInt32LE(value, at) : block.writeUInt32BE(value, at)
  block.write(order, 'latin1')
  short(42, 2)
  long(8 + gap, 4)
  short(1, 8 + gap)
  short(0x0112, 10 + gap)
  short(3, 12 + gap)
  long(1, 14 + gap)
  short(orientation, 18 + gap)
  return block
}

export function segment(marker: number, data: Buffer): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0])
  head.writeUInt16BE(2 + data.length, 2)
  return Buffer.concat([head, data])
}

const afterFirstSegment = (jpeg: Buffer) => 4 + jpeg.readUInt16BE(4)

/** A JPEG with segments inserted behind its first one. */
export function withSegments(jpeg: Buffer, ...segments: Buffer[]): Buffer {
  const at = afterFirstSegment(jpeg)
  return Buffer.concat([jpeg.subarray(0, at), ...segments, jpeg.subarray(at)])
}

/** A PNG with chunks inserted before its image data. */
export const pngWithChunks = (png: Buffer, ...chunks: Buffer[]): Buffer =>
  Buffer.concat([png.subarray(0, 33), ...chunks, png.subarray(33)])

export const exifSegment = (block: Buffer) => segment(0xe1, Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), block]))

/** Every way in which a file can state its orientation. */
export const tagged: Readonly<Record<string, (drawing: Drawing, orientation: number) => Promise<Buffer>>> = {
  'JPEG, little-endian': async (drawing, orientation) =>
    withSegments(await stored(drawing, orientation).jpeg().toBuffer(), exifSegment(exif(orientation))),
  'JPEG, big-endian, behind other segments': async (drawing, orientation) =>
    withSegments(
      await stored(drawing, orientation).jpeg({ progressive: true }).toBuffer(),
      segment(0xe1, Buffer.from('http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation="3"/>')),
      segment(0xfe, Buffer.from([0xff, 0xd9, 0xff, 0xda])),
      exifSegment(exif(orientation, 'MM', 999)),
      exifSegment(exif(3)),
    ),
  'PNG, before its data': async (drawing, orientation) => {
    const png = await stored(drawing, orientation).png().toBuffer()
    return pngWithChunks(png, pngChunk('eXIf', exif(orientation, 'MM')))
  },
  'PNG, behind its data': async (drawing, orientation) => {
    const png = await stored(drawing, orientation).png().toBuffer()
    return Buffer.concat([png.subarray(0, -12), pngChunk('eXIf', exif(orientation)), png.subarray(-12)])
  },
  WebP: async (drawing, orientation) =>
    webpWithExif(await stored(drawing, orientation).webp().toBuffer(), exif(orientation)),
  'lossless WebP, prefixed': async (drawing, orientation) =>
    webpWithExif(
      await stored(drawing, orientation).removeAlpha().webp({ lossless: true }).toBuffer(),
      Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), exif(orientation, 'MM')]),
    ),
}

const webpWithExif = (plain: Buffer, block: Buffer) => webpWithChunks(plain, 0x08, [], [['EXIF', block]])

type RiffChunk = readonly [type: string, data: Buffer]

/**
 * An extended WebP with chunks around its image data.
 * https://developers.google.com/speed/webp/docs/riff_container#extended_file_format
 */
export async function webpWithChunks(
  plain: Buffer,
  flags: number,
  before: readonly RiffChunk[],
  after: readonly RiffChunk[],
): Promise<Buffer> {
  const { width, height } = await sharp(plain).metadata()
  const canvas = Buffer.alloc(10)
  canvas[0] = flags
  canvas.writeUIntLE(width - 1, 4, 3)
  canvas.writeUIntLE(height - 1, 7, 3)
  const toChunks = (chunks: readonly RiffChunk[]) => chunks.map(([type, data]) => riffChunk(type, data))
  const all = [riffChunk('VP8X', canvas), ...toChunks(before), plain.subarray(12), ...toChunks(after)]
  return riffChunk('RIFF', Buffer.concat([Buffer.from('WEBP'), ...all]))
}

function riffChunk(type: string, data: Buffer): Buffer {
  const head = Buffer.alloc(8)
  head.write(type, 'latin1')
  head.writeUInt32LE(data.length, 4)
  return Buffer.concat([head, data, Buffer.alloc(data.length % 2)])
}
