import { type TestContext, test } from 'node:test'
import { deflateSync } from 'node:zlib'
import sharp from 'sharp'
import { type Base64Image, encodeImage } from '../../../services/bytes/base64-image.ts'
import { createPixelWork } from '../../../services/imaging/pixel-work.ts'
import { createPreview } from '../../../services/imaging/preview.ts'
import * as images from '../../support/images/images.ts'
import { type Drawing, exif, exifSegment, stored, withSegments } from '../../support/images/oriented.ts'
import { claimOf } from '../../support/images/pixel-claims.ts'
import { signedPairs } from '../../support/images/signed.ts'

const pixels = createPixelWork({ maxDecodedBytes: 20_000_000 })
const limits = { maxPixels: 50_000_000 }
const preview = (bytes: Buffer, maxEncodedBytes: number) =>
  createPreview(encodeImage(bytes, { mimeType: 'image/png', width: 1, height: 1 }), {
    maxEncodedBytes,
    limits,
    pixels,
    claim: claimOf(),
  })

async function bytesOf(image: Base64Image): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of image.chunks()) chunks.push(chunk)
  return Buffer.from(Buffer.concat(chunks).toString('latin1'), 'base64')
}

test('a preview is upright for every orientation', async (t: TestContext) => {
  const half: Drawing = { width: 600, height: 400, at: (x) => (x < 300 ? [250, 0, 0, 255] : [0, 0, 250, 255]) }
  for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
    const jpeg = await stored(half, orientation).jpeg().toBuffer()
    const { image: made } = await preview(withSegments(jpeg, exifSegment(exif(orientation))), 4000)
    t.assert.ok(made.encodedBytes <= 4000)
    t.assert.ok(Math.abs(made.width / made.height - 1.5) < 0.02, `${made.width}x${made.height}`)
    const { data, info } = await sharp(await bytesOf(made))
      .raw()
      .toBuffer({ resolveWithObject: true })
    t.assert.deepStrictEqual([info.width, info.height], [made.width, made.height])
    t.assert.ok((data[0] ?? 0) > 200 && (data.at(-1) ?? 0) > 200, `orientation ${orientation}`)
  }
})

test('no preview is made of an image beyond the limits', async (t: TestContext) => {
  const huge = images.pngOf({ width: 6000, height: 6000, data: deflateSync(Buffer.alloc(36_006_000)) })
  await t.assert.rejects(preview(huge, 4000), { code: 'IMG_ERR_IMAGE_DECODED' })
  const wide = images.pngOf({ width: 20_000, height: 1 })
  await t.assert.rejects(preview(wide, 4000), { code: 'IMG_ERR_IMAGE_EDGE' })
})

test('a preview tells whether the original has Content Credentials, and has none', async (t: TestContext) => {
  for (const { format, plain, signed } of await signedPairs(100, 100, 100_000)) {
    t.assert.equal((await preview(plain, 20_000)).hasCredentials, false, format)
    const { image, hasCredentials } = await preview(signed, 20_000)
    t.assert.equal(hasCredentials, true, format)
    t.assert.equal((await preview(await bytesOf(image), 20_000)).hasCredentials, false, format)
  }
})
