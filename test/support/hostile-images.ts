import { randomBytes } from 'node:crypto'
import { constants, deflateRawSync, deflateSync } from 'node:zlib'
import sharp, { type Sharp } from 'sharp'
import { jpegOfManyScans, webpOfManyCodes } from './images/crafted.ts'
import { animationControl, pngChunk, pngSignature } from './images/images.ts'
import { exif, exifSegment, withSegments } from './images/oriented.ts'

/** A small file that claims, or truly has, very many pixels. */
export interface HostileImage {
  name: string
  make(): Promise<Buffer> | Buffer
}

/** The most pixels that the defaults allow, nearly square. */
const edge = 7000

const zeroBlockBytes = 1_048_576
/** A megabyte of zeros that ends on a byte, so that it can be repeated. */
const zeroBlock = deflateRawSync(Buffer.alloc(zeroBlockBytes), { level: 9, finishFlush: constants.Z_FULL_FLUSH })

/** A zlib stream of at least that many zeros, a thousandth of their size, built without inflating it. */
function zeros(bytes: number): Buffer {
  const blocks = Math.ceil(bytes / zeroBlockBytes)
  const end = Buffer.alloc(7)
  // An empty last block, then the Adler-32 checksum of zeros.
  end.set([0x03, 0x00], 0)
  end.writeUInt16BE((blocks * zeroBlockBytes) % 65_521, 2)
  end.writeUInt16BE(1, 4)
  return Buffer.concat([Buffer.from([0x78, 0xda]), ...Array(blocks).fill(zeroBlock), end.subarray(0, 6)])
}

/** Rows filtered by the row above: they deflate well, although the image is noise. */
function noise(width: number, height: number): Buffer {
  const filteredUp = 2
  const row = Buffer.concat([Buffer.from([filteredUp]), randomBytes(width * 8)])
  return deflateSync(Buffer.alloc(row.length * height, row), { level: 9 })
}

/** Compressed text chunks of megabytes, as many as a decoder accepts. */
function packedText(): Buffer[] {
  const text = Buffer.concat([Buffer.from('Comment\0\0', 'latin1'), deflateSync(Buffer.alloc(7_900_000, 'a'))])
  return Array<Buffer>(900).fill(pngChunk('zTXt', text))
}

const jpegKinds = [
  { frame: 0xc0, components: 3 },
  { frame: 0xc9, components: 4 },
  { frame: 0xca, components: 3 },
]

const crafted: readonly HostileImage[] = [
  ...jpegKinds.map((kind) => ({
    name: `JPEG of frame ${kind.frame.toString(16)} in ${kind.components} scans`,
    make: () => jpegOfManyScans({ width: edge, height: 6500, ...kind }),
  })),
  { name: 'WebP of very many codes', make: () => webpOfManyCodes(1024, 1024) },
  {
    name: 'PNG of packed text',
    make: () => png({ width: 100, height: 100, colourType: 6, bitDepth: 16, extra: packedText() }),
  },
  {
    name: 'PNG of noise in a few bytes',
    make: () => png({ width: 4000, height: 12_500, colourType: 6, bitDepth: 16, data: noise(4000, 12_500) }),
  },
]

const channels: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }

interface PngClaim {
  width: number
  height: number
  colourType: number
  bitDepth: number
  isInterlaced?: boolean
  extra?: Buffer[]
  /** Share of the claimed data that the file contains. */
  part?: number
  /** Data instead of zeros. */
  data?: Buffer
}

function png({
  width,
  height,
  colourType,
  bitDepth,
  isInterlaced = false,
  extra = [],
  part = 1.01,
  data,
}: PngClaim): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([bitDepth, colourType, 0, 0, isInterlaced ? 1 : 0], 8)
  const needed = height * (2 + Math.ceil((width * bitDepth * (channels[colourType] ?? 1)) / 8))
  return Buffer.concat([
    pngSignature,
    pngChunk('IHDR', header),
    ...extra,
    ...(colourType === 3 ? [pngChunk('PLTE', Buffer.alloc(6, 0x55)), pngChunk('tRNS', Buffer.from([0]))] : []),
    pngChunk('IDAT', data ?? zeros(needed * part)),
    pngChunk('IEND', Buffer.alloc(0)),
  ])
}

const depthsOf: readonly (readonly [colourType: number, depths: readonly number[]])[] = [
  [0, [1, 2, 4, 8, 16]],
  [2, [8, 16]],
  [3, [1, 2, 4, 8]],
  [4, [8, 16]],
  [6, [8, 16]],
]

const pngs: readonly HostileImage[] = depthsOf.flatMap(([colourType, depths]) =>
  depths.flatMap((bitDepth) =>
    [false, true].map((isInterlaced) => ({
      name: `PNG of type ${colourType}, ${bitDepth} bits${isInterlaced ? ', interlaced' : ''}`,
      make: () => png({ width: edge, height: edge, colourType, bitDepth, isInterlaced }),
    })),
  ),
)

const blank = (width: number, height: number, alpha = 1): Sharp =>
  sharp({
    create: { width, height, channels: alpha === 1 ? 3 : 4, background: { r: 200, g: 100, b: 50, alpha } },
    limitInputPixels: false,
  })

/** An animation of very many frames of a pixel on a large canvas. */
function gif(frames: number): Buffer {
  const head = Buffer.from('GIF89a\0\0\0\0\x80\0\0\0\0\0\xff\xff\xff', 'latin1')
  head.writeUInt16LE(edge, 6)
  head.writeUInt16LE(edge, 8)
  const frame = Buffer.from('\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0', 'latin1')
  return Buffer.concat([head, ...Array(frames).fill(frame), Buffer.from([0x3b])])
}

async function manyScans(): Promise<Buffer> {
  const jpeg = await blank(edge, edge).grayscale().jpeg({ progressive: true }).toBuffer()
  const scan = jpeg.indexOf(Buffer.from([0xff, 0xda]))
  const next = jpeg.indexOf(Buffer.from([0xff, 0xc4]), scan)
  return Buffer.concat([jpeg.subarray(0, scan), ...Array(25).fill(jpeg.subarray(scan, next)), jpeg.subarray(scan)])
}

const turned = async (image: Sharp) => withSegments(await image.toBuffer(), exifSegment(exif(6)))

export const hostileImages: readonly HostileImage[] = [
  {
    name: 'PNG of 50,000,000x1, 16 bits',
    make: () => png({ width: 50_000_000, height: 1, colourType: 0, bitDepth: 16 }),
  },
  { name: 'PNG of 1x50,000,000', make: () => png({ width: 1, height: 50_000_000, colourType: 0, bitDepth: 8 }) },
  {
    name: 'PNG of 16384x3051, RGBA of 16 bits',
    make: () => png({ width: 16_384, height: 3051, colourType: 6, bitDepth: 16 }),
  },
  {
    name: 'PNG of 3051x16384, RGBA of 16 bits, turned',
    make: () => png({ width: 3051, height: 16_384, colourType: 6, bitDepth: 16, extra: [pngChunk('eXIf', exif(6))] }),
  },
  {
    name: 'PNG that claims 49 million pixels and has a thousand bytes',
    make: () => png({ width: edge, height: edge, colourType: 6, bitDepth: 8, part: 0.001 }),
  },
  {
    name: 'PNG that ends after two thirds of its pixels',
    make: () => png({ width: edge, height: edge, colourType: 2, bitDepth: 16, part: 0.6 }),
  },
  {
    name: 'PNG with 4,000,000,000 frames',
    make: () =>
      png({ width: edge, height: edge, colourType: 6, bitDepth: 8, extra: [animationControl(4_000_000_000)] }),
  },
  {
    name: 'PNG with 900 frames',
    make: () => png({ width: edge, height: edge, colourType: 6, bitDepth: 8, extra: [animationControl(900)] }),
  },
  {
    name: 'lossless WebP of 16383x3000',
    make: () => blank(16_383, 3000).webp({ lossless: true, effort: 0 }).toBuffer(),
  },
  {
    name: 'lossless WebP of 16383x3000 with transparency',
    make: () => blank(16_383, 3000, 0.5).webp({ lossless: true, effort: 0 }).toBuffer(),
  },
  { name: 'WebP of 16383x3000', make: () => blank(16_383, 3000).webp({ effort: 0 }).toBuffer() },
  {
    name: 'turned WebP with transparency',
    make: () => blank(edge, edge, 0.5).webp({ effort: 0 }).withMetadata({ orientation: 6 }).toBuffer(),
  },
  { name: 'progressive JPEG', make: () => blank(edge, edge).jpeg({ progressive: true }).toBuffer() },
  { name: 'progressive JPEG, turned', make: () => turned(blank(edge, edge).jpeg({ progressive: true })) },
  { name: 'baseline JPEG, turned', make: () => turned(blank(edge, edge).jpeg({ chromaSubsampling: '4:4:4' })) },
  { name: 'JPEG of four inks', make: () => blank(edge, edge).toColourspace('cmyk').jpeg().toBuffer() },
  { name: 'progressive JPEG of very many scans', make: manyScans },
  {
    name: 'JPEG without its end mark',
    make: async () => (await blank(edge, edge).jpeg({ progressive: true }).toBuffer()).subarray(0, -2),
  },
  { name: 'GIF of one large frame', make: () => blank(5000, 5000).gif({ effort: 1 }).toBuffer() },
  { name: 'GIF of 900 frames', make: () => gif(900) },
  { name: 'GIF of 100,000 frames', make: () => gif(100_000) },
  ...crafted,
  ...pngs,
]
