import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import sharp from 'sharp'
import { encodedLength } from '../../../services/bytes/base64-encoder.ts'
import { createPixelWork } from '../../../services/imaging/pixel-work.ts'
import {
  MAX_PREVIEW_EDGE,
  MAX_PREVIEW_ENCODED,
  renderPreview,
  transformFormats,
  transformImage,
} from '../../../services/imaging/transform.ts'
import * as images from '../../support/images/images.ts'
import { type Drawing, exif, exifSegment, stored, withSegments } from '../../support/images/oriented.ts'
import { claimOf } from '../../support/images/pixel-claims.ts'
import { checkProperty } from '../../support/property.ts'

const options = { limits: { maxPixels: 50_000_000 }, pixels: createPixelWork({ maxDecodedBytes: 200_000_000 }) }

const noise = (width: number, height: number, channels: 3 | 4) =>
  sharp({
    create: { width, height, channels, background: '#00000080', noise: { type: 'gaussian', mean: 128, sigma: 80 } },
  })

/** Families of images, and whether they have transparency. */
const families: Record<string, [bytes: Promise<Buffer>, hasAlpha: boolean]> = {
  'one pixel': [images.png(1, 1), false],
  RGBA: [images.drawing(1100, 400, 4).png().toBuffer(), true],
  '16 bits': [images.drawing(300, 200).toColourspace('rgb16').png().toBuffer(), false],
  grey: [images.drawing(300, 200).toColourspace('b-w').jpeg().toBuffer(), false],
  CMYK: [images.drawing(300, 200).toColourspace('cmyk').jpeg().toBuffer(), false],
  'very wide': [images.drawing(16_000, 10).png().toBuffer(), false],
  'very high': [images.drawing(10, 16_000).jpeg().toBuffer(), false],
  noise: [noise(1600, 1600, 3).jpeg({ quality: 100 }).toBuffer(), false],
  'animated GIF': [images.animation('gif'), true],
  'animated WebP': [images.animation('webp'), false],
  'lossless WebP': [images.losslessWebp(), true],
}

for (const [name, [image, hasAlpha]] of Object.entries(families)) {
  test(`a preview is small, and upright JPEG or WebP: ${name}`, async (t: TestContext) => {
    const bytes = await image
    const preview = await renderPreview(bytes, options, claimOf())
    t.assert.equal(preview.mimeType, hasAlpha ? 'image/webp' : 'image/jpeg')
    t.assert.ok(encodedLength(preview.bytes.length) <= MAX_PREVIEW_ENCODED, `${preview.bytes.length} bytes`)
    const { width, height, format } = await sharp(preview.bytes).metadata()
    t.assert.deepEqual([width, height, `image/${format}`], [preview.width, preview.height, preview.mimeType])
    t.assert.ok(Math.max(width, height) <= MAX_PREVIEW_EDGE)
    const small = await renderPreview(bytes, options, claimOf(), { maxEncoded: 8000 })
    t.assert.ok(encodedLength(small.bytes.length) <= 8000)
  })

  test(`an image is never enlarged, and has the requested format: ${name}`, async (t: TestContext) => {
    const bytes = await image
    const before = await sharp(bytes).metadata()
    const property = fc.asyncProperty(
      fc.option(fc.integer({ min: 1, max: 3000 }), { nil: undefined }),
      fc.option(fc.constantFrom(...transformFormats), { nil: undefined }),
      async (maxEdge, format) => {
        using scope = new DisposableStack()
        const made = await transformImage(bytes, { maxEdge, format }, options, claimOf({ scope }))
        const after = await sharp(made.bytes).metadata()
        const longest = Math.max(before.width, before.pageHeight ?? before.height)
        t.assert.equal(Math.max(after.width, after.height), Math.min(longest, maxEdge ?? longest))
        t.assert.deepEqual(
          [after.width, after.height, `image/${after.format}`],
          [made.width, made.height, made.mimeType],
        )
        if (format !== undefined) t.assert.equal(after.format, format)
        t.assert.deepEqual([after.exif, after.icc, after.pages ?? 1], [undefined, undefined, 1])
      },
    )
    await checkProperty(t, property, { numRuns: 8 })
  })
}

test('an image that needs no change is returned as it is', async (t: TestContext) => {
  for (const [bytes, format] of [
    [await images.png(), 'png'],
    [await images.jpeg(), 'jpeg'],
    [await images.webp(), 'webp'],
  ] as const) {
    for (const variant of [{}, { format }, { maxEdge: 40 }, { maxEdge: 5000, format }]) {
      t.assert.equal((await transformImage(bytes, variant, options, claimOf())).bytes, bytes)
    }
  }
})

test('transparency becomes white in JPEG, and orientation becomes pixels', async (t: TestContext) => {
  const clear = await sharp({ create: { width: 8, height: 8, channels: 4, background: '#00000000' } })
    .png()
    .toBuffer()
  const { bytes } = await transformImage(clear, { format: 'jpeg' }, options, claimOf())
  t.assert.ok((await sharp(bytes).raw().toBuffer()).every((value) => value > 250))
  const half: Drawing = { width: 60, height: 40, at: (x) => (x < 30 ? [250, 0, 0, 255] : [0, 0, 250, 255]) }
  for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
    const jpeg = withSegments(await stored(half, orientation).jpeg().toBuffer(), exifSegment(exif(orientation)))
    const made = await transformImage(jpeg, { maxEdge: 30, format: 'png' }, options, claimOf())
    t.assert.deepEqual([made.width, made.height], [30, 20])
    const data = await sharp(made.bytes).raw().toBuffer()
    t.assert.ok((data[0] ?? 0) > 200 && (data.at(-1) ?? 0) > 200, `orientation ${orientation}`)
  }
})
