import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { ServiceError } from '../../../services/errors/errors.ts'
import { probeImage, probeImageInTurns, sniffFacts } from '../../../services/imaging/image-probe.ts'
import * as images from '../../support/images/images.ts'
import { claimOf } from '../../support/images/pixel-claims.ts'
import { checkProperty } from '../../support/property.ts'

const limits = { maxBytes: 1_000_000, maxPixels: 50_000_000, maxFrames: 3 }

function rejection(bytes: Buffer): string {
  try {
    probeImage(bytes, limits)
  } catch (error) {
    return error instanceof ServiceError ? error.message : `not ours: ${error}`
  }
  return 'accepted'
}

test('reads type and size of the four formats', async (t: TestContext) => {
  const made = {
    'image/png': await images.png(),
    'image/jpeg': await images.jpeg(),
    'image/webp': await images.webp(),
    'image/gif': await images.gif(),
  }
  for (const [mimeType, bytes] of Object.entries(made)) {
    const header = probeImage(bytes, limits)
    t.assert.deepStrictEqual(
      [header.mimeType, header.width, header.height, header.frames, header.bitDepth],
      [mimeType, 40, 30, 1, 8],
    )
  }
})

test('reads the size of a lossless WebP and of one with metadata', async (t: TestContext) => {
  for (const bytes of [
    await images.losslessWebp(),
    await images
      .drawing()
      .webp()
      .withExif({ IFD0: { Artist: 'x' } })
      .toBuffer(),
  ]) {
    const { width, height } = probeImage(bytes, limits)
    t.assert.deepStrictEqual([width, height], [40, 30])
  }
})

test('reads a JPEG whose metadata comes before its size, progressive or not', async (t: TestContext) => {
  const bytes = await images
    .drawing()
    .jpeg({ progressive: true })
    .withExif({ IFD0: { ImageDescription: 'x'.repeat(60_000) } })
    .toBuffer()
  t.assert.strictEqual(probeImage(bytes, limits).width, 40)
  t.assert.strictEqual(sniffFacts(bytes.subarray(0, 1000)), undefined)
  t.assert.deepStrictEqual(sniffFacts(bytes.subarray(0, 62_000)), { mimeType: 'image/jpeg', width: 40, height: 30 })
})

test('returns the upright size of a rotated JPEG', async (t: TestContext) => {
  const bytes = await images.drawing().jpeg().withMetadata({ orientation: 6 }).toBuffer()
  const { width, height } = probeImage(bytes, limits)
  t.assert.deepStrictEqual([width, height], [30, 40])
})

test('sees four inks, 16 bits, transparency and animation', async (t: TestContext) => {
  const cmyk = await images.drawing().toColourspace('cmyk').jpeg().toBuffer()
  t.assert.strictEqual(probeImage(cmyk, limits).isCmyk, true)
  t.assert.strictEqual(probeImage(images.pngOf({ width: 4, height: 4, bitDepth: 16 }), limits).bitDepth, 16)
  t.assert.strictEqual(probeImage(await images.drawing(4, 4, 4).png().toBuffer(), limits).hasAlpha, true)
  t.assert.strictEqual(probeImage(await images.animation('gif'), limits).frames, 3)
  t.assert.strictEqual(probeImage(await images.animation('webp'), limits).frames, 3)
  const animated = images.pngOf({ width: 4, height: 4, extra: [images.animationControl(2)] })
  t.assert.strictEqual(probeImage(animated, limits).frames, 2)
})

test('rejects a header of 50,000 by 50,000 pixels without decoding', (t: TestContext) => {
  t.assert.strictEqual(
    rejection(images.pngOf({ width: 50_000, height: 50_000 })),
    'The image is 50000x50000 pixels, more than the limit of 50000000 pixels in total; send a smaller one.',
  )
})

test('rejects the largest size that each format can claim', async (t: TestContext) => {
  const jpeg = Buffer.from(await images.jpeg())
  jpeg.fill(0xff, jpeg.indexOf(Buffer.from([0xff, 0xc0])) + 5, jpeg.indexOf(Buffer.from([0xff, 0xc0])) + 9)
  const gif = Buffer.from(await images.gif()).fill(0xff, 6, 10)
  const webp = Buffer.from('RIFF\x1a\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\0\0\0\0', 'latin1')
  const claims: [bytes: Buffer, size: string][] = [
    [images.pngOf({ width: 2 ** 32 - 1, height: 2 ** 32 - 1 }), '4294967295x4294967295'],
    [jpeg, '65535x65535'],
    [gif, '65535x65535'],
    [webp, '16777216x16777216'],
  ]
  for (const [bytes, size] of claims) t.assert.ok(rejection(bytes).startsWith(`The image is ${size} pixels, `), size)
})

test('rejects more frames than allowed, whatever the header claims', (t: TestContext) => {
  const bomb = images.pngOf({ width: 4, height: 4, extra: [images.animationControl(4_000_000_000)] })
  t.assert.strictEqual(
    rejection(bomb),
    'The image is an animation of 4000000000 frames, more than the limit of 3; send a single frame.',
  )
})

test('rejects a GIF and a WebP of very many frames by counting them, without decoding one', (t: TestContext) => {
  const frame = Buffer.from('\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0', 'latin1')
  const gif = Buffer.concat([
    Buffer.from('GIF89a\x01\0\x01\0\0\0\0', 'latin1'),
    Buffer.alloc(frame.length * 50_000, frame),
  ])
  t.assert.match(rejection(gif), /^The image is an animation of \d+ frames, more than the limit of 3/)
  const animation = Buffer.from('ANMF\x10\0\0\0'.padEnd(24, '\0'), 'latin1')
  const frames = Buffer.alloc(animation.length * 40_000, animation)
  const head = Buffer.from('RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\0\0\0\0\0\0', 'latin1')
  const webp = Buffer.concat([head, frames])
  webp.writeUInt32LE(webp.length - 8, 4)
  t.assert.match(rejection(webp), /^The image is an animation of \d+ frames, more than the limit of 3/)
})

test('rejects a file beyond the limit on bytes', (t: TestContext) => {
  t.assert.match(rejection(Buffer.alloc(1_000_001)), /larger than the limit of 1000000 bytes/)
})

const other: [name: string, bytes: Buffer | string][] = [
  ['text', 'Hello, this is no image.'],
  ['text', 'Привет'],
  ['an SVG drawing', '<svg xmlns="http://www.w3.org/2000/svg"/>'],
  ['an SVG drawing', '\ufeff<?xml version="1.0"?>\n<!-- made by hand -->\n<svg width="1"/>'],
  ['an XML document', '<?xml version="1.0"?><rss/>'],
  ['an HTML page', '<!DOCTYPE html><html></html>'],
  ['JSON text', '{"error": "no"}'],
  ['a PDF', '%PDF-1.7'],
  ['a BMP image', 'BM      '],
  ['a TIFF image', 'II*\0    '],
  ['an AVIF image', '\0\0\0\x20ftypavif'],
  ['a HEIC image', '\0\0\0\x20ftypheic'],
  ['a video', '\0\0\0\x20ftypisom'],
  ['a ZIP archive', 'PK\x03\x04'],
  ['an image that was base64-encoded twice', 'iVBORw0KGgoAAAANSUhEUg'],
  ['of no known image format', Buffer.from([1, 2, 3, 250, 0])],
]
for (const [name, content] of other) {
  test(`describes ${JSON.stringify(content.toString().slice(0, 20))} as ${name}`, (t: TestContext) => {
    t.assert.strictEqual(
      rejection(Buffer.from(content)),
      `The image data is ${name}; send a PNG, JPEG, WebP or GIF file.`,
    )
  })
}

test('rejects an image that was cut off', async (t: TestContext) => {
  const whole = { PNG: await images.png(), WebP: await images.webp() }
  for (const [format, bytes] of Object.entries(whole)) {
    t.assert.strictEqual(
      rejection(bytes.subarray(0, bytes.length - 20)),
      `The ${format} file is damaged: it ends too early; send the whole, undamaged file.`,
    )
  }
  const gif = await images.gif()
  t.assert.match(rejection(gif.subarray(0, gif.length - 20)), /^The GIF file is damaged: it ends too early/)
})

test('rejects a PNG without image data and one of no size', (t: TestContext) => {
  const bytes = images.pngOf({ width: 4, height: 4 })
  const withoutData = Buffer.concat([bytes.subarray(0, 33), bytes.subarray(bytes.length - 12)])
  t.assert.match(rejection(withoutData), /it contains no image data/)
  t.assert.match(rejection(images.pngOf({ width: 0, height: 4 })), /its header gives no size/)
})

test('any bytes behind any signature are accepted or rejected with a service error, and never crash', async (t: TestContext) => {
  const whole = await Promise.all([
    images.png(),
    images.jpeg(),
    images.webp(),
    images.losslessWebp(),
    images.animation('gif'),
    images.animation('webp'),
  ])
  const heads = ['', '\x89PNG\r\n\x1a\n', '\xff\xd8\xff', 'GIF89a', 'RIFF\0\0\0\0WEBPVP8X']
  const damaged = fc
    .record({
      bytes: fc.constantFrom(...whole),
      length: fc.nat(),
      changes: fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 8 }),
    })
    .map(({ bytes, length, changes }) => {
      const copy = Buffer.from(bytes.subarray(0, 1 + (length % (bytes.length * 2))))
      for (const [at, value] of changes) copy[at % Math.min(copy.length, 80)] = value
      return copy
    })
  const made = fc
    .tuple(fc.constantFrom(...heads), fc.uint8Array({ maxLength: 200 }))
    .map(([head, tail]) => Buffer.concat([Buffer.from(head, 'latin1'), tail]))
  await checkProperty(
    t,
    fc.property(fc.oneof(damaged, made), (bytes) => {
      sniffFacts(bytes)
      return !rejection(bytes).startsWith('not ours')
    }),
    { numRuns: 10_000 },
  )
})

test('reads hostile files in time linear in their size', (t: TestContext) => {
  const repeat = (head: string, unit: Buffer) =>
    Buffer.concat([Buffer.from(head, 'latin1'), Buffer.alloc(8_000_000, unit)])
  const hostile = [
    repeat('\xff\xd8\xff', Buffer.from([0xff])),
    repeat('\xff\xd8', Buffer.from([0xff, 0xe0, 0, 2])),
    repeat('\xff\xd8', Buffer.from([0xff, 0xd0])),
    repeat('GIF89a\x01\0\x01\0\0\0\0', Buffer.from([0x21, 0xff, 1, 0, 0])),
    repeat('GIF89a\x01\0\x01\0\0\0\0', Buffer.from([0x21, 1])),
    Buffer.concat([
      images.pngOf({ width: 1, height: 1 }).subarray(0, 33),
      Buffer.alloc(8_000_000, images.pngChunk('abcd', Buffer.alloc(0))),
    ]),
    repeat('RIFF\0\0\0\x7fWEBPVP8X\0\0\0\0\x02\0\0\0\0\0\0\0\0\0', Buffer.from('ANMF\0\0\0\0')),
    Buffer.concat([Buffer.from('<?xml '), Buffer.alloc(8_000_000, '<!--')]),
    randomBytes(8_000_000),
  ]
  for (const bytes of hostile) {
    const started = process.cpuUsage()
    t.assert.doesNotMatch(rejectionOf(bytes), /not ours/)
    // A quadratic walk over 8 MB would take minutes; the limit allows for a busy machine.
    t.assert.ok(process.cpuUsage(started).user < 5_000_000)
  }
})

test('lets others work while a long file is read, and stops when no one waits for it', async (t: TestContext) => {
  const maxBytes = 50_000_000
  const long = [
    Buffer.concat([
      images.pngOf({ width: 1, height: 1 }).subarray(0, 33),
      Buffer.alloc(40_000_000, images.pngChunk('abcd', Buffer.alloc(0))),
    ]),
    Buffer.concat([
      Buffer.from('GIF89a\x01\0\x01\0\0\0\0', 'latin1'),
      Buffer.alloc(40_000_000, Buffer.from([0x21, 0xff, 1, 0, 0])),
    ]),
    Buffer.concat([(await images.jpeg()).subarray(0, -2), Buffer.alloc(40_000_000, Buffer.from([0xff, 0]))]),
  ]
  for (const [index, bytes] of long.entries()) {
    const disconnected = new AbortController()
    let turns = 0
    const timer = setInterval(() => {
      if (++turns === 2) disconnected.abort()
    }, 1)
    const work = probeImageInTurns(bytes, { ...limits, maxBytes }, claimOf({ signal: disconnected.signal }))
    const outcome = await work.catch((error: unknown) => error).finally(() => clearInterval(timer))
    t.assert.ok(outcome instanceof ServiceError && outcome.code === 'IMG_ERR_CANCELLED', `file ${index}: ${outcome}`)
  }
})

function rejectionOf(bytes: Buffer): string {
  try {
    probeImage(bytes, { ...limits, maxBytes: 10_000_000 })
  } catch (error) {
    return error instanceof ServiceError ? error.message : `not ours: ${error}`
  }
  return 'accepted'
}
