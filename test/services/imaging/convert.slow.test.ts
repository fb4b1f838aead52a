import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import sharp from 'sharp'
import { ServiceError } from '../../../services/errors/errors.ts'
import { createImageConverter } from '../../../services/imaging/convert.ts'
import { probeImage } from '../../../services/imaging/image-probe.ts'
import { createPixelWork } from '../../../services/imaging/pixel-work.ts'
import * as images from '../../support/images/images.ts'
import { claimOf } from '../../support/images/pixel-claims.ts'
import { checkProperty } from '../../support/property.ts'

const maxPixels = 1_000_000
const limits = { maxBytes: 10_000_000, maxPixels }
const converter = createImageConverter(createPixelWork({ maxDecodedBytes: 100_000_000 }))

async function prepare(bytes: Buffer) {
  using scope = new DisposableStack()
  const { bytes: prepared, ...facts } = await converter.prepare(bytes, probeImage(bytes, limits), claimOf({ scope }))
  // The converted image is freed with the scope.
  return { ...facts, bytes: prepared === bytes ? bytes : Buffer.from(prepared) }
}

test('passes a plain PNG or JPEG on as the very same Buffer', async (t: TestContext) => {
  for (const bytes of [await images.png(), await images.jpeg()]) {
    const prepared = await prepare(bytes)
    t.assert.strictEqual(prepared.bytes, bytes)
    t.assert.deepStrictEqual([prepared.width, prepared.height], [40, 30])
  }
})

test('converts anything but photographs to an 8-bit PNG of one frame', async (t: TestContext) => {
  const inputs = {
    'webp with transparency': await images.drawing(40, 30, 4).webp().toBuffer(),
    'lossless webp': await images.losslessWebp(),
    gif: await images.gif(),
    'animated gif': await images.animation('gif'),
    'animated webp': await images.animation('webp'),
    'animated png': withAnimation(await images.png()),
    '16 bits': await images.drawing().toColourspace('rgb16').png().toBuffer(),
  }
  for (const [name, bytes] of Object.entries(inputs)) {
    const prepared = await prepare(bytes)
    const { format, width, height, space, depth, pages } = await sharp(prepared.bytes).metadata()
    t.assert.deepStrictEqual(
      { format, width, height, space, depth, pages },
      { format: 'png', width: 40, height: 30, space: 'srgb', depth: 'uchar', pages: undefined },
      name,
    )
    t.assert.deepStrictEqual([prepared.mimeType, prepared.width, prepared.height], ['image/png', 40, 30], name)
  }
})

test('converts a photograph that Azure does not accept to a JPEG of high quality', async (t: TestContext) => {
  const inputs = {
    webp: await images.webp(),
    cmyk: await images.drawing().toColourspace('cmyk').jpeg().toBuffer(),
  }
  for (const [name, bytes] of Object.entries(inputs)) {
    const prepared = await prepare(bytes)
    const { format, width, height, space, chromaSubsampling } = await sharp(prepared.bytes).metadata()
    t.assert.deepStrictEqual(
      { format, width, height, space, chromaSubsampling },
      { format: 'jpeg', width: 40, height: 30, space: 'srgb', chromaSubsampling: '4:4:4' },
      name,
    )
    t.assert.deepStrictEqual([prepared.mimeType, prepared.width, prepared.height], ['image/jpeg', 40, 30], name)
  }
})

function withAnimation(png: Buffer): Buffer {
  return Buffer.concat([png.subarray(0, 33), images.animationControl(2), png.subarray(33)])
}

test('rotates the pixels by the orientation tag', async (t: TestContext) => {
  const prepared = await prepare(await images.drawing().webp().withMetadata({ orientation: 6 }).toBuffer())
  t.assert.deepStrictEqual([prepared.width, prepared.height], [30, 40])
})

test('rejects undecodable images with a service error', async (t: TestContext) => {
  const broken = images.pngOf({
    width: 40,
    height: 30,
    bitDepth: 16,
    data: Buffer.from('\x78\x9cnot deflated', 'latin1'),
  })
  await t.assert.rejects(prepare(broken), { code: 'IMG_ERR_IMAGE_CONVERSION' })
})

test('a bomb behind a small header is stopped while it is unpacked', async (t: TestContext) => {
  const bomb = images.pngOf({ width: 900, height: 900, bitDepth: 16, data: deflateSync(Buffer.alloc(200_000_000)) })
  const before = process.memoryUsage.rss()
  await prepare(bomb).catch((error) => t.assert.ok(error instanceof ServiceError))
  t.assert.ok(process.memoryUsage.rss() - before < 100_000_000)
})

test('text in a PNG is never unpacked', async (t: TestContext) => {
  const packed = deflateSync(Buffer.alloc(7_900_000, 'a'), { level: 9 })
  const texts = ['zTXt', 'iTXt'].flatMap((type) => {
    const keyword = Buffer.from(type === 'zTXt' ? 'Comment\0\0' : 'Comment\0\x01\0\0\0')
    return Array<Buffer>(40).fill(images.pngChunk(type, Buffer.concat([keyword, packed])))
  })
  const rows = deflateSync(Buffer.alloc(30 * (1 + 40 * 6)))
  const bytes = images.pngOf({ width: 40, height: 30, bitDepth: 16, extra: texts, data: rows })
  const before = process.memoryUsage.rss()
  t.assert.strictEqual((await prepare(bytes)).width, 40)
  t.assert.ok(process.memoryUsage.rss() - before < 100_000_000)
})

test('a PNG of text and data in turns, thousands of times, is rejected', (t: TestContext) => {
  const pair = Buffer.concat([images.pngChunk('tEXt', Buffer.from('a\0')), images.pngChunk('teSt', Buffer.alloc(0))])
  const of = (pairs: number) =>
    images.pngOf({ width: 4, height: 4, extra: [Buffer.concat(Array<Buffer>(pairs).fill(pair))] })
  t.assert.strictEqual(probeImage(of(1000), limits).width, 4)
  t.assert.throws(() => probeImage(of(5000), limits), { code: 'IMG_ERR_IMAGE_BROKEN' })
})

test('a decoder that finds more pixels than the header claims stops', async (t: TestContext) => {
  const bytes = await images.gif(400, 400)
  const lying = { ...probeImage(bytes, limits), width: 40, height: 40 }
  await t.assert.rejects(converter.prepare(bytes, lying, claimOf()), { code: 'IMG_ERR_IMAGE_CONVERSION' })
})

test('a small canvas around a large image does not get past the limit', async (t: TestContext) => {
  const large = await images.drawing(1500, 1500).webp({ lossless: true }).toBuffer()
  const canvas = Buffer.from('VP8X\x0a\0\0\0\0\0\0\0\x03\0\0\x03\0\0', 'latin1')
  const lying = Buffer.concat([large.subarray(0, 12), canvas, large.subarray(12)])
  lying.writeUInt32LE(lying.length - 8, 4)
  t.assert.strictEqual(probeImage(lying, limits).width, 4)
  const prepared = await prepare(lying).catch((error) => error)
  t.assert.ok(prepared instanceof ServiceError || prepared.width * prepared.height <= maxPixels)
})

test('a caller that disconnects in the queue starts no job', async (t: TestContext) => {
  const single = createImageConverter(createPixelWork({ maxDecodedBytes: 100_000_000, slots: 1 }))
  const bytes = await images.webp(600, 600)
  const header = probeImage(bytes, limits)
  const disconnected = new AbortController()
  const { signal } = disconnected
  const first = single.prepare(bytes, header, claimOf())
  const second = single.prepare(bytes, header, claimOf({ signal }))
  const third = single.prepare(bytes, header, claimOf())
  disconnected.abort()
  await t.assert.rejects(second, { code: 'IMG_ERR_CANCELLED' })
  await t.assert.rejects(single.prepare(bytes, header, claimOf({ signal })), { code: 'IMG_ERR_CANCELLED' })
  t.assert.strictEqual((await first).width, 600)
  t.assert.strictEqual((await third).width, 600)
})

test('the result is dropped if the caller disconnects during the job', async (t: TestContext) => {
  const disconnected = new AbortController()
  const bytes = await images.webp(900, 900)
  const work = converter.prepare(bytes, probeImage(bytes, limits), claimOf({ signal: disconnected.signal }))
  setImmediate(() => disconnected.abort())
  await t.assert.rejects(work, { code: 'IMG_ERR_CANCELLED' })
})

test('an image that would need more memory than all may is rejected before it is decoded', async (t: TestContext) => {
  const strict = createImageConverter(createPixelWork({ maxDecodedBytes: 1_000_000 }))
  const bytes = await images.webp(600, 600)
  await t.assert.rejects(strict.prepare(bytes, probeImage(bytes, limits), claimOf()), {
    code: 'IMG_ERR_IMAGE_DECODED',
    message:
      'The image is 600x600 pixels and needs 2880000 bytes to decode, more than the limit of 1000000 bytes; send a smaller one.',
  })
})

test('converted images that wait for Azure are bounded, and free their memory with their call', async (t: TestContext) => {
  const few = createImageConverter(createPixelWork({ maxDecodedBytes: 8_000_000 }))
  const noise = await sharp(randomBytes(3_000_000), { raw: { width: 1000, height: 1000, channels: 3 } })
    .webp({ lossless: true })
    .toBuffer()
  const prepareNoise = (scope: DisposableStack) => few.prepare(noise, probeImage(noise, limits), claimOf({ scope }))
  const first = new DisposableStack()
  const { bytes } = await prepareNoise(first)
  t.assert.ok(bytes.length > 2_900_000)
  await t.assert.rejects(prepareNoise(new DisposableStack()), { code: 'IMG_ERR_IMAGE_BUSY' })
  first.dispose()
  t.assert.strictEqual(bytes.length, 0)
  await prepareNoise(new DisposableStack())
})

test('any bytes result in an image or a service error, and the decoder survives', async (t: TestContext) => {
  const whole = await Promise.all([
    images.webp(),
    images.losslessWebp(),
    images.gif(),
    images.animation('gif'),
    images.animation('webp'),
    images.drawing().toColourspace('rgb16').png().toBuffer(),
    images.drawing().toColourspace('cmyk').jpeg().toBuffer(),
  ])
  const damaged = fc
    .record({
      bytes: fc.constantFrom(...whole),
      keep: fc.oneof(fc.constant(1), fc.double({ min: 0.01, max: 1, noNaN: true })),
      changes: fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 8 }),
    })
    .map(({ bytes, keep, changes }) => {
      const copy = Buffer.from(bytes.subarray(0, Math.ceil(bytes.length * keep)))
      for (const [at, value] of changes) copy[at % copy.length] = value
      return copy
    })
  await checkProperty(
    t,
    fc.asyncProperty(damaged, async (bytes) => {
      try {
        const { mimeType, width, height } = await prepare(bytes)
        return (mimeType === 'image/png' || mimeType === 'image/jpeg') && width * height <= maxPixels
      } catch (error) {
        return error instanceof ServiceError && error.code.startsWith('IMG_ERR_IMAGE_')
      }
    }),
    { numRuns: 1500 },
  )
})
