import { describe, type TestContext, test } from 'node:test'
import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import sharp from 'sharp'
import { ServiceError } from '../../../services/errors/errors.ts'
import { createImageConverter } from '../../../services/imaging/convert.ts'
import { readExifOrientation } from '../../../services/imaging/headers/exif-orientation.ts'
import { probeImage } from '../../../services/imaging/image-probe.ts'
import { createPixelWork } from '../../../services/imaging/pixel-work.ts'
import * as images from '../../support/images/images.ts'
import { exif, exifSegment, segment, withSegments } from '../../support/images/oriented.ts'
import { claimOf } from '../../support/images/pixel-claims.ts'
import { checkProperty } from '../../support/property.ts'

const limits = { maxBytes: 10_000_000, maxPixels: 50_000_000 }
const converter = createImageConverter(createPixelWork({ maxDecodedBytes: 536_870_912 }))
const prepare = (bytes: Buffer) => converter.prepare(bytes, probeImage(bytes, limits), claimOf())
const pixelsOf = (bytes: Buffer) => sharp(bytes, { failOn: 'none' }).raw().toBuffer()

function verdict(bytes: Buffer): string {
  try {
    probeImage(bytes, limits)
  } catch (error) {
    return error instanceof ServiceError ? error.code : `not ours: ${error}`
  }
  return 'accepted'
}

describe('a header is compared with the bytes behind it', () => {
  const zeros = (bytes: number) => deflateSync(Buffer.alloc(bytes), { level: 9 })

  test('an edge and an aspect ratio that no model accepts are rejected, whatever the number of pixels', (t: TestContext) => {
    const wide = images.pngOf({ width: 50_000_000, height: 1, bitDepth: 16, data: zeros(100_000_001) })
    t.assert.strictEqual(verdict(wide), 'IMG_ERR_IMAGE_EDGE')
    t.assert.strictEqual(verdict(images.pngOf({ width: 1, height: 50_000_000 })), 'IMG_ERR_IMAGE_EDGE')
    t.assert.strictEqual(verdict(images.pngOf({ width: 16_384, height: 2 })), 'IMG_ERR_IMAGE_SHAPE')
    t.assert.strictEqual(verdict(images.pngOf({ width: 1000, height: 10, data: zeros(10_010) })), 'accepted')
  })

  test('a PNG whose data is too short for its pixels is rejected, in every depth and colour type', (t: TestContext) => {
    const kinds: [colourType: number, bitDepth: number, bitsPerPixel: number][] = [
      [0, 1, 1],
      [0, 8, 8],
      [0, 16, 16],
      [2, 8, 24],
      [2, 16, 48],
      [3, 2, 2],
      [3, 8, 8],
      [4, 8, 16],
      [6, 8, 32],
      [6, 16, 64],
    ]
    for (const [colourType, bitDepth, bits] of kinds) {
      const needed = 2000 * (1 + Math.ceil((3000 * bits) / 8))
      for (const isInterlaced of [false, true]) {
        const made = (data: Buffer) => {
          const extra = [images.pngChunk('PLTE', Buffer.alloc(12))]
          const bytes = images.pngOf({ width: 3000, height: 2000, bitDepth, extra, data })
          bytes[25] = colourType
          bytes[28] = isInterlaced ? 1 : 0
          return bytes
        }
        t.assert.strictEqual(verdict(made(zeros(needed * 2))), 'accepted', `${colourType}/${bitDepth}`)
        t.assert.strictEqual(verdict(made(zeros(needed / 4))), 'IMG_ERR_IMAGE_BROKEN', `${colourType}/${bitDepth}`)
      }
    }
  })

  test('a PNG is rejected whose header or data no decoder can begin with', (t: TestContext) => {
    const changed = (change: (bytes: Buffer) => void) => {
      const bytes = images.pngOf({ width: 4, height: 4 })
      change(bytes)
      return bytes
    }
    const wrong = [
      changed((bytes) => bytes.writeUInt8(5, 25)),
      changed((bytes) => bytes.writeUInt8(3, 24)),
      changed((bytes) => bytes.writeUInt8(1, 26)),
      changed((bytes) => bytes.writeUInt8(2, 28)),
      changed((bytes) => bytes.writeUInt8(3, 25)),
      images.pngOf({ width: 4, height: 4, data: Buffer.from('not zlib at all') }),
      images.pngOf({ width: 4, height: 4, data: Buffer.alloc(0) }),
    ]
    for (const [index, bytes] of wrong.entries())
      t.assert.strictEqual(verdict(bytes), 'IMG_ERR_IMAGE_BROKEN', `${index}`)
  })

  test('a JPEG, a GIF and a lossy WebP of other sizes than their data are rejected', async (t: TestContext) => {
    for (const progressive of [false, true]) {
      const jpeg = Buffer.from(await images.drawing().jpeg({ progressive }).toBuffer())
      const frame = jpeg.indexOf(Buffer.from([0xff, progressive ? 0xc2 : 0xc0]))
      jpeg.writeUInt16BE(6000, frame + 5)
      jpeg.writeUInt16BE(8000, frame + 7)
      t.assert.strictEqual(verdict(jpeg), 'IMG_ERR_IMAGE_BROKEN')
    }
    const gif = Buffer.from(await images.gif())
    const frame = gif.indexOf(Buffer.from([0x2c, 0, 0, 0, 0, 40, 0, 30, 0]))
    for (const at of [6, frame + 5]) {
      gif.writeUInt16LE(8000, at)
      gif.writeUInt16LE(6000, at + 2)
    }
    t.assert.strictEqual(verdict(gif), 'IMG_ERR_IMAGE_BROKEN')
    const webp = Buffer.from(await images.webp())
    webp.writeUInt16LE(16_383, 26)
    webp.writeUInt16LE(3000, 28)
    t.assert.strictEqual(verdict(webp), 'IMG_ERR_IMAGE_BROKEN')
  })

  test('the most compressible images of real encoders are accepted', async (t: TestContext) => {
    const blank = sharp({ create: { width: 3000, height: 2000, channels: 3, background: '#fff' } })
    const made = await Promise.all([
      blank.clone().png({ compressionLevel: 9 }).toBuffer(),
      blank.clone().png({ compressionLevel: 9, palette: true, colours: 2 }).toBuffer(),
      blank.clone().png({ compressionLevel: 9, progressive: true }).toBuffer(),
      blank.clone().jpeg({ quality: 1, mozjpeg: true }).toBuffer(),
      blank.clone().grayscale().jpeg({ quality: 1, progressive: true }).toBuffer(),
      blank.clone().webp({ quality: 1 }).toBuffer(),
      blank.clone().webp({ lossless: true }).toBuffer(),
      blank.clone().gif().toBuffer(),
    ])
    for (const [index, bytes] of made.entries()) t.assert.strictEqual(verdict(bytes), 'accepted', `${index}`)
  })

  test('a JPEG of more scans than any encoder writes is rejected', async (t: TestContext) => {
    const jpeg = await images.drawing().jpeg({ progressive: true }).toBuffer()
    const scan = jpeg.indexOf(Buffer.from([0xff, 0xda]))
    const next = jpeg.indexOf(Buffer.from([0xff, 0xc4]), scan)
    const scans = Array.from({ length: 200 }, () => jpeg.subarray(scan, next))
    t.assert.strictEqual(
      verdict(Buffer.concat([jpeg.subarray(0, scan), ...scans, jpeg.subarray(scan)])),
      'IMG_ERR_IMAGE_BROKEN',
    )
  })
})

describe('EXIF orientation', () => {
  test('is read in both byte orders, wherever the directory lies', (t: TestContext) => {
    for (const order of ['II', 'MM'] as const) {
      for (const gap of [0, 1, 7, 5000]) t.assert.strictEqual(readExifOrientation(exif(6, order, gap)), 6)
    }
  })

  test('is 1 for values and types that are no orientation', (t: TestContext) => {
    for (const value of [0, 9, 255, 65_535]) t.assert.strictEqual(readExifOrientation(exif(value)), 1)
    const fraction = exif(6)
    fraction.writeUInt16LE(5, 12)
    const noValue = exif(6)
    noValue.writeUInt32LE(0, 14)
    const manyValues = exif(6)
    manyValues.writeUInt32LE(3, 14)
    const farAway = exif(6)
    farAway.writeUInt32LE(4_000_000_000, 4)
    for (const block of [fraction, noValue, manyValues, farAway, Buffer.alloc(0), Buffer.from('II*\0')]) {
      t.assert.strictEqual(readExifOrientation(block), 1)
    }
  })

  test('is read from every type of integer, as decoders do', async (t: TestContext) => {
    const plain = await images.drawing().jpeg().toBuffer()
    for (const order of ['II', 'MM'] as const) {
      for (const type of [1, 3, 4, 6, 8, 9]) {
        for (const count of type === 4 || type === 9 ? [1] : [1, 2]) {
          const block = exif(6, order)
          const isLittle = order === 'II'
          isLittle ? block.writeUInt16LE(type, 12) : block.writeUInt16BE(type, 12)
          isLittle ? block.writeUInt32LE(count, 14) : block.writeUInt32BE(count, 14)
          block.fill(0, 18, 22)
          const size = type === 1 || type === 6 ? 1 : type === 3 || type === 8 ? 2 : 4
          isLittle ? block.writeUIntLE(6, 18, size) : block.writeUIntBE(6, 18, size)
          const name = `${order}, type ${type}, ${count} values`
          t.assert.strictEqual(readExifOrientation(block), 6, name)
          const { orientation } = await sharp(withSegments(plain, exifSegment(block))).metadata()
          t.assert.strictEqual(orientation, 6, `${name}: the decoder`)
        }
      }
    }
  })

  test('of a JPEG is read where decoders read it: in the first whole segment before the image data', async (t: TestContext) => {
    const plain = await images.drawing().jpeg().toBuffer()
    const scan = plain.indexOf(Buffer.from([0xff, 0xda]))
    const put = (at: number, part: Buffer) => Buffer.concat([plain.subarray(0, at), part, plain.subarray(at)])
    const files: readonly (readonly [bytes: Buffer, orientation: number])[] = [
      [put(2, exifSegment(exif(6))), 6],
      [put(scan, exifSegment(exif(6))), 6],
      [put(plain.length - 2, exifSegment(exif(6))), 1],
      [put(2, segment(0xe1, Buffer.concat([Buffer.from('Exif\0\x01'), exif(6)]))), 1],
    ]
    for (const [index, [bytes, orientation]] of files.entries()) {
      t.assert.strictEqual(probeImage(bytes, limits).orientation, orientation, `${index}`)
      t.assert.strictEqual((await sharp(bytes).metadata()).orientation ?? 1, orientation, `${index}: the decoder`)
    }
  })

  test('any bytes result in an orientation', async (t: TestContext) => {
    const block = fc
      .tuple(fc.constantFrom('II', 'MM', 'xx'), fc.uint8Array({ maxLength: 60 }))
      .map(([order, rest]) => Buffer.concat([Buffer.from(order), rest]))
    await checkProperty(
      t,
      fc.property(block, (bytes) => {
        const orientation = readExifOrientation(bytes)
        return orientation >= 1 && orientation <= 8
      }),
      { numRuns: 5000 },
    )
  })
})

describe('of a JPEG only its first image is sent, its pixels untouched', () => {
  const mpf = segment(0xe2, Buffer.concat([Buffer.from('MPF\0'), exif(1)]))

  test('an index of further images and everything behind the end marker are dropped', async (t: TestContext) => {
    for (const progressive of [false, true]) {
      const thumbnail = await images.drawing(16, 12).jpeg().toBuffer()
      const first = withSegments(
        await images.drawing().jpeg({ progressive }).withIccProfile('p3').toBuffer(),
        exifSegment(Buffer.concat([exif(1), thumbnail])),
        segment(0xfe, Buffer.from([0xff, 0xd9])),
      )
      const second = await images.drawing(20, 15).jpeg().toBuffer()
      const video = Buffer.from('\0\0\0\x18ftypmp42', 'latin1')
      t.assert.deepStrictEqual((await prepare(Buffer.concat([withSegments(first, mpf), second, video]))).bytes, first)
      t.assert.deepStrictEqual((await prepare(Buffer.concat([first, video]))).bytes, first)
      t.assert.strictEqual((await prepare(first)).bytes, first)
    }
  })

  test('restart marks and stuffed bytes belong to the image', async (t: TestContext) => {
    const jpeg = await images.drawing().jpeg({ quality: 100 }).toBuffer()
    const scan = jpeg.indexOf(Buffer.from([0xff, 0xda]))
    const behind = scan + 2 + jpeg.readUInt16BE(scan + 2)
    const marks = Buffer.from([0xff, 0x00, 0xff, 0xd0, 0x11, 0xff, 0xff, 0xd7])
    const restarted = Buffer.concat([jpeg.subarray(0, behind), marks, jpeg.subarray(behind)])
    t.assert.strictEqual((await prepare(restarted)).bytes, restarted)
  })

  test('a photograph with a gain map loses only the gain map', async (t: TestContext) => {
    const bytes = await images.fixture('phone-mpo-gainmap.jpg')
    const prepared = await prepare(bytes)
    t.assert.ok(prepared.bytes.length < bytes.length)
    t.assert.strictEqual(prepared.bytes.includes('MPF\0'), false)
    t.assert.deepStrictEqual([...prepared.bytes.subarray(-2)], [0xff, 0xd9])
    t.assert.deepStrictEqual(await pixelsOf(prepared.bytes), await pixelsOf(bytes))
  })

  test('garbage between segments is dropped, a missing end marker is added', async (t: TestContext) => {
    for (const name of ['jpeg-garbage-between-segments.jpg', 'jpeg-no-eoi.jpg']) {
      const bytes = await images.fixture(name)
      const prepared = await prepare(bytes)
      t.assert.strictEqual(prepared.mimeType, 'image/jpeg', name)
      t.assert.deepStrictEqual(await pixelsOf(prepared.bytes), await pixelsOf(bytes), name)
      await sharp(prepared.bytes, { failOn: 'warning' }).stats()
    }
  })

  test('a JPEG that was cut off is rejected', async (t: TestContext) => {
    const bytes = await images.jpeg(400, 300)
    for (const length of [bytes.length - 20, bytes.length - 2000, Math.round(bytes.length / 2), 700, 300]) {
      const work = async () => prepare(bytes.subarray(0, length))
      await t.assert.rejects(work, { code: 'IMG_ERR_IMAGE_BROKEN' }, `${length} bytes`)
    }
  })

  test('an image that is only rotated keeps its colour profile and its colours', async (t: TestContext) => {
    const made = {
      jpeg: withSegments(await images.drawing().jpeg().withIccProfile('p3').toBuffer(), exifSegment(exif(3))),
      png: await images.drawing().png().withIccProfile('p3').toBuffer(),
    }
    const png = Buffer.concat([made.png.subarray(0, 33), images.pngChunk('eXIf', exif(3)), made.png.subarray(33)])
    for (const bytes of [made.jpeg, png]) {
      const prepared = await prepare(bytes)
      const { icc, format } = await sharp(prepared.bytes).metadata()
      t.assert.deepStrictEqual(icc, (await sharp(bytes).metadata()).icc)
      if (format !== 'png') continue
      const raw = (image: Buffer) => sharp(image).keepIccProfile().raw().toBuffer()
      const upsideDown = await sharp(bytes).rotate(180).keepIccProfile().raw().toBuffer()
      t.assert.deepStrictEqual(await raw(prepared.bytes), upsideDown)
    }
  })
})
