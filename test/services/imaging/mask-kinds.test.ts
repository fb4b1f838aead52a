import { describe, type TestContext, test } from 'node:test'
import { crc32, deflateSync } from 'node:zlib'
import sharp from 'sharp'
import { probeImage } from '../../../services/imaging/image-probe.ts'
import { maskOfImage } from '../../../services/imaging/mask.ts'
import { createPixelWork } from '../../../services/imaging/pixel-work.ts'
import { claimOf } from '../../support/images/pixel-claims.ts'

const [WIDTH, HEIGHT] = [8, 8]
const pixels = createPixelWork({ maxDecodedBytes: 100_000_000 })

const GREY = 0
const RGB = 2
const PALETTE = 3
const GREY_ALPHA = 4
const RGBA = 6
const channelsOf: Readonly<Record<number, number>> = { [GREY]: 1, [RGB]: 3, [PALETTE]: 1, [GREY_ALPHA]: 2, [RGBA]: 4 }

function chunk(type: string, data: Buffer): Buffer {
  const frame = Buffer.alloc(12 + data.length)
  frame.writeUInt32BE(data.length, 0)
  frame.write(type, 4, 'latin1')
  data.copy(frame, 8)
  frame.writeUInt32BE(crc32(frame.subarray(4, 8 + data.length)), 8 + data.length)
  return frame
}

interface Kind {
  colourType: number
  bitDepth: number
  /** Samples of a pixel that the model may change, and of one that it may not. */
  open: readonly number[]
  closed: readonly number[]
  palette?: Buffer
  transparency?: Buffer
}

/** A PNG whose upper half is open. https://www.w3.org/TR/png-3/ */
function pngOf({ colourType, bitDepth, open, closed, palette, transparency }: Kind): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(WIDTH, 0)
  header.writeUInt32BE(HEIGHT, 4)
  header.set([bitDepth, colourType, 0, 0, 0], 8)
  const rowBytes = Math.ceil((WIDTH * bitDepth * (channelsOf[colourType] ?? 1)) / 8)
  const rows = Array.from({ length: HEIGHT }, (_, y) => {
    const samples = Array.from({ length: WIDTH }, () => (y < HEIGHT / 2 ? open : closed)).flat()
    const bits = samples.map((sample) => sample.toString(2).padStart(bitDepth, '0')).join('')
    const packed = (bits.match(/.{1,8}/g) ?? []).map((byte) => Number.parseInt(byte.padEnd(8, '0'), 2))
    return Buffer.from([0, ...packed.slice(0, rowBytes)])
  })
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    ...(palette === undefined ? [] : [chunk('PLTE', palette)]),
    ...(transparency === undefined ? [] : [chunk('tRNS', transparency)]),
    chunk('IDAT', deflateSync(Buffer.concat(rows))),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

const twoColours = Buffer.from([0, 0, 0, 255, 255, 255])
const onlyFirst = Buffer.from([0])
const shorts = (...values: number[]) => Buffer.from(values.flatMap((value) => [value >> 8, value & 255]))

/** Every way in which a PNG can have transparent pixels. */
const kinds: Readonly<Record<string, Kind>> = {
  'RGBA of 8 bits': { colourType: RGBA, bitDepth: 8, open: [9, 9, 9, 0], closed: [9, 9, 9, 255] },
  'RGBA of 16 bits': { colourType: RGBA, bitDepth: 16, open: [9, 9, 9, 0], closed: [9, 9, 9, 65_535] },
  'grey with alpha of 8 bits': { colourType: GREY_ALPHA, bitDepth: 8, open: [9, 0], closed: [9, 255] },
  'grey with alpha of 16 bits': { colourType: GREY_ALPHA, bitDepth: 16, open: [9, 0], closed: [9, 65_535] },
  ...Object.fromEntries(
    [1, 2, 4, 8].map((bitDepth) => [
      `palette of ${bitDepth} bits`,
      { colourType: PALETTE, bitDepth, open: [0], closed: [1], palette: twoColours, transparency: onlyFirst },
    ]),
  ),
  ...Object.fromEntries(
    [1, 2, 4, 8, 16].map((bitDepth) => [
      `grey of ${bitDepth} bits with a transparent shade`,
      { colourType: GREY, bitDepth, open: [0], closed: [1], transparency: shorts(0) },
    ]),
  ),
  ...Object.fromEntries(
    [8, 16].map((bitDepth) => [
      `RGB of ${bitDepth} bits with a transparent colour`,
      { colourType: RGB, bitDepth, open: [1, 2, 3], closed: [200, 2, 3], transparency: shorts(1, 2, 3) },
    ]),
  ),
}

const size = { width: WIDTH, height: HEIGHT }

async function maskOf(kind: Kind) {
  const bytes = pngOf(kind)
  return maskOfImage(bytes, probeImage(bytes, { maxBytes: 10_000, maxPixels: 10_000 }), size, pixels, claimOf())
}

describe('a mask reaches Azure as 8-bit RGBA with its transparent pixels', () => {
  for (const [name, kind] of Object.entries(kinds)) {
    test(name, async (t: TestContext) => {
      const { bytes } = await maskOf(kind)
      // Bit depth and colour type in the header.
      t.assert.deepStrictEqual([...bytes.subarray(24, 26)], [8, 6])
      const alpha = await sharp(bytes).extractChannel('alpha').raw().toBuffer()
      const half = (WIDTH * HEIGHT) / 2
      t.assert.deepStrictEqual([...alpha], [...Array(half).fill(0), ...Array(half).fill(255)])
    })
  }
})

describe('a mask without a transparent pixel is rejected', () => {
  const opaque: Readonly<Record<string, Kind>> = {
    ...Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, { ...kind, open: kind.closed }])),
    'RGBA of 8 bits, almost transparent': { colourType: RGBA, bitDepth: 8, open: [9, 9, 9, 1], closed: [9, 9, 9, 255] },
    'RGBA of 16 bits, almost transparent': {
      colourType: RGBA,
      bitDepth: 16,
      open: [9, 9, 9, 300],
      closed: [9, 9, 9, 65_535],
    },
    'palette without a transparent entry': {
      colourType: PALETTE,
      bitDepth: 8,
      open: [0],
      closed: [1],
      palette: twoColours,
      transparency: Buffer.from([255, 255]),
    },
    RGB: { colourType: RGB, bitDepth: 8, open: [1, 2, 3], closed: [4, 5, 6] },
    grey: { colourType: GREY, bitDepth: 8, open: [0], closed: [255] },
  }
  for (const [name, kind] of Object.entries(opaque)) {
    test(name, async (t: TestContext) => {
      await t.assert.rejects(maskOf(kind), (error: Error) =>
        /^The mask (?:has no fully transparent pixel|must be a PNG with transparency)/.test(error.message),
      )
    })
  }
})
