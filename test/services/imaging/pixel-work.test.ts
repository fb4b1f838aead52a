import { type TestContext, test } from 'node:test'
import sharp from 'sharp'
import { readHeader } from '../../../services/imaging/image-header.ts'
import { probeImage } from '../../../services/imaging/image-probe.ts'
import { createPixelWork, decodedBytes, workBytes } from '../../../services/imaging/pixel-work.ts'
import { jpegOfManyScans, webpOfManyCodes } from '../../support/images/crafted.ts'
import * as images from '../../support/images/images.ts'
import { exif, exifSegment, withSegments } from '../../support/images/oriented.ts'
import { claimOf } from '../../support/images/pixel-claims.ts'

const edge = 2000
const pixels = edge * edge
const limits = { maxBytes: 20_971_520, maxPixels: 50_000_000 }

function bytesAPixel(bytes: Buffer): number {
  const header = readHeader(bytes)
  return header === undefined ? Number.NaN : decodedBytes(header) / pixels
}

test('a JPEG in several scans is estimated with the coefficients of its decoder, progressive or not', (t: TestContext) => {
  for (const frame of [0xc0, 0xc1, 0xc2, 0xc9, 0xca]) {
    for (const components of [3, 4]) {
      const bytes = jpegOfManyScans({ width: edge, height: edge, frame, components })
      t.assert.ok(bytesAPixel(bytes) >= 2 * components + 2, `${frame.toString(16)}, ${components}`)
      const turned = withSegments(bytes, exifSegment(exif(6)))
      t.assert.ok(bytesAPixel(turned) >= 3 * components, `${frame.toString(16)}, ${components}, turned`)
    }
  }
})

test('a baseline JPEG in one scan is weighed by its pixels', async (t: TestContext) => {
  const blank = sharp({ create: { width: edge, height: edge, channels: 3, background: '#345' } })
  t.assert.strictEqual(bytesAPixel(await blank.jpeg().toBuffer()), 3)
})

test('every WebP is unpacked with opacity, twice', async (t: TestContext) => {
  const blank = sharp({ create: { width: edge, height: edge, channels: 3, background: '#345' } })
  for (const lossless of [true, false]) t.assert.ok(bytesAPixel(await blank.webp({ lossless }).toBuffer()) >= 8)
})

test('a result that cannot be compressed has room', async (t: TestContext) => {
  const grey = sharp({ create: { width: edge, height: edge, channels: 3, background: '#777' } }).toColourspace('grey16')
  t.assert.ok(bytesAPixel(await grey.png().toBuffer()) >= 3)
})

test('a lossless WebP is estimated with the tables that it may need, and accepted', async (t: TestContext) => {
  const bytes = webpOfManyCodes(1024, 1024)
  const header = probeImage(bytes, limits)
  t.assert.ok(workBytes(header) > 350_000_000)
  t.assert.ok(decodedBytes(header) < 20_000_000)
  const work = createPixelWork({ maxDecodedBytes: 20_000_000 })
  const { info } = await work.render(bytes, header, claimOf(), (image) => image.png())
  t.assert.strictEqual(info.width, 1024)
  const honest = await sharp({ create: { width: 4000, height: 3000, channels: 3, background: '#345' } })
    .webp({ lossless: true })
    .toBuffer()
  t.assert.ok(workBytes(probeImage(honest, limits)) < 150_000_000)
})

test('a WebP of more parts than any animation has is rejected', async (t: TestContext) => {
  const of = async (chunks: number) => {
    const webp = Buffer.concat([await images.webp(), Buffer.from('abcd\0\0\0\0'.repeat(chunks), 'latin1')])
    webp.writeUInt32LE(webp.length - 8, 4)
    return webp
  }
  t.assert.strictEqual(probeImage(await of(5000), limits).width, 40)
  const many = await of(20_000)
  t.assert.throws(() => probeImage(many, limits), { code: 'IMG_ERR_IMAGE_BROKEN' })
})

test('photographs of phones have room at the defaults, however they are coded', async (t: TestContext) => {
  const plain = { isCmyk: false, isRgba: false, isUnusual: false, frames: 1, bitDepth: 8 }
  for (const [width, height] of [
    [4032, 3024],
    [8064, 6048],
    [8160, 6120],
  ] as const) {
    for (const orientation of [1, 3, 6] as const) {
      for (const [mimeType, peakBytes, storedBytes] of [
        ['image/jpeg', 0, 0],
        ['image/jpeg', 6 * width * height, 6 * width * height],
        ['image/webp', 8 * width * height, 4 * width * height],
      ] as const) {
        const common = { ...plain, width, height, orientation, channels: 3, hasAlpha: false, isLossy: true }
        const header = { ...common, mimeType, isDecodedWhole: peakBytes > 0, decoder: { peakBytes, storedBytes } }
        t.assert.ok(workBytes(header) <= 536_870_912, `${mimeType}, ${width}x${height}, ${orientation}, ${peakBytes}`)
      }
    }
  }
})
