import { describe, type TestContext, test } from 'node:test'
import sharp from 'sharp'
import type { MaskStroke } from '../../../schemas/mask.ts'
import { checkComposable, composeImage } from '../../../services/imaging/composite.ts'
import { feathered } from '../../../services/imaging/feather.ts'
import { probeImage } from '../../../services/imaging/image-probe.ts'
import { createPixelWork } from '../../../services/imaging/pixel-work.ts'
import { checkStrokes } from '../../../services/imaging/stroke-shapes.ts'
import { drawing, fixture, jpeg, png } from '../../support/images/images.ts'
import { exif, exifSegment, withSegments } from '../../support/images/oriented.ts'
import { claimOf } from '../../support/images/pixel-claims.ts'

const limits = { maxBytes: 20_971_520, maxPixels: 50_000_000 }
const options = { limits, pixels: createPixelWork({ maxDecodedBytes: 536_870_912 }) }

interface Setup {
  strokes: readonly MaskStroke[]
  feather?: number
  result?: Buffer
}

const keepOf = (bytes: Buffer, { strokes, feather = 0 }: Setup) => ({
  bytes,
  header: probeImage(bytes, limits),
  mask: checkStrokes(strokes),
  feather,
})

const compose = async (source: Buffer, setup: Setup) =>
  await composeImage(setup.result ?? (await green()), keepOf(source, setup), options, claimOf())

/** The pixels as another program shows them. */
const shown = async (bytes: Buffer, depth: 'uchar' | 'ushort' = 'uchar') => {
  // A file without its end is complete for decoders that are not strict.
  const image = sharp(bytes, { failOn: 'none' })
    .autoOrient()
    .toColourspace(depth === 'uchar' ? 'srgb' : 'rgb16')
  const { data, info } = await image.ensureAlpha().raw({ depth }).toBuffer({ resolveWithObject: true })
  const pixels = depth === 'uchar' ? data : new Uint16Array(data.buffer, data.byteOffset, data.length / 2)
  return { pixels, width: info.width, height: info.height }
}

const green = (width = 40, height = 30) =>
  sharp({ create: { width, height, channels: 3, background: '#00ff00' } })
    .png()
    .toBuffer()

/** Numbers of pixels that differ. */
async function changed(before: Buffer, after: Buffer, depth: 'uchar' | 'ushort' = 'uchar'): Promise<Set<number>> {
  const [one, other] = [await shown(before, depth), await shown(after, depth)]
  if (one.width !== other.width || one.height !== other.height) throw new Error('the size differs')
  const different = new Set<number>()
  for (const [at, value] of one.pixels.entries()) if (value !== other.pixels[at]) different.add(Math.floor(at / 4))
  return different
}

const area: MaskStroke = { mode: 'add_rectangle', points: [4, 2, 10, 8] }
const inArea = (pixel: number, width: number) => {
  const [x, y] = [pixel % width, Math.floor(pixel / width)]
  return x >= 4 && x < 10 && y >= 2 && y < 8
}

const noise = (channels: 3 | 4, width = 40, height = 30) => drawing(width, height, channels)
const deep = (channels: 1 | 3 | 4) =>
  sharp(
    Uint16Array.from({ length: 40 * 30 * channels }, (_, at) => (at * 12_347) % 65_536),
    { raw: { width: 40, height: 30, channels } },
  )

const sources: Readonly<Record<string, () => Promise<Buffer>>> = {
  PNG: () => png(),
  'PNG with transparency': () => noise(4).png().toBuffer(),
  'PNG with a palette': () => noise(4).png({ palette: true }).toBuffer(),
  'interlaced PNG': () => noise(3).png({ progressive: true }).toBuffer(),
  'grey PNG': () => noise(3).toColourspace('b-w').png().toBuffer(),
  JPEG: () => jpeg(),
  'progressive JPEG': () => noise(3).jpeg({ progressive: true }).toBuffer(),
  'grey JPEG': () => noise(3).toColourspace('b-w').jpeg().toBuffer(),
  'CMYK JPEG': () => noise(3).toColourspace('cmyk').jpeg().toBuffer(),
  WebP: () => noise(4).webp({ lossless: true }).toBuffer(),
  GIF: () => noise(4).gif().toBuffer(),
  'PNG in Display P3': () => noise(3).withIccProfile('p3').png().toBuffer(),
  'JPEG in Display P3': () => noise(3).withIccProfile('p3').jpeg().toBuffer(),
  'WebP in Display P3': () => noise(3).withIccProfile('p3').webp({ lossless: true }).toBuffer(),
  'JPEG with a grey profile': () => noise(3).toColourspace('b-w').withIccProfile('srgb').jpeg().toBuffer(),
  'JPEG that lies on its side': async () => withSegments(await jpeg(), exifSegment(exif(6))),
  'JPEG that is mirrored and lies on its side': async () => withSegments(await jpeg(), exifSegment(exif(7))),
  'JPEG upside down': async () => withSegments(await jpeg(), exifSegment(exif(3))),
  "a phone's JPEG": () => fixture('phone-orient6.jpg'),
  "a phone's JPEG with a second image": () => fixture('phone-mpo-gainmap.jpg'),
  'JPEG without its end': () => fixture('jpeg-no-eoi.jpg'),
}

describe('outside of the mask every pixel is that of the original, inside that of the result', () => {
  for (const [name, make] of Object.entries(sources)) {
    test(name, async (t: TestContext) => {
      const source = await make()
      const { width = 0, height = 0 } = probeImage(source, limits)
      const composite = await compose(source, { strokes: [area], result: await green(width, height) })
      const { format, orientation } = await sharp(composite).metadata()
      t.assert.deepEqual({ format, orientation }, { format: 'png', orientation: undefined })
      const different = await changed(source, composite)
      t.assert.ok([...different].every((pixel) => inArea(pixel, width)))
      const { pixels } = await shown(composite)
      t.assert.ok(different.size > 0)
      const isP3 = (await sharp(composite).metadata()).icc !== undefined
      // In a profile that the model was sent its green is that of the profile, which a viewer turns into another one.
      if (!isP3) t.assert.deepEqual([...pixels.subarray((2 * width + 4) * 4, (2 * width + 5) * 4)], [0, 255, 0, 255])
    })
  }

  for (const channels of [1, 3, 4] as const) {
    test(`PNG of 16 bits and ${channels} channels`, async (t: TestContext) => {
      const spaces = { 1: 'grey16', 3: 'rgb16', 4: 'rgb16' }
      const source = await deep(channels).toColourspace(spaces[channels]).png().toBuffer()
      t.assert.equal((await sharp(source).metadata()).depth, 'ushort')
      const composite = await compose(source, { strokes: [area] })
      t.assert.equal((await sharp(composite).metadata()).depth, 'ushort')
      const different = await changed(source, composite, 'ushort')
      t.assert.ok(different.size > 0 && [...different].every((pixel) => inArea(pixel, 40)))
      const { pixels } = await shown(composite, 'ushort')
      t.assert.deepEqual([...pixels.subarray((2 * 40 + 4) * 4, (2 * 40 + 5) * 4)], [0, 65_535, 0, 65_535])
    })
  }
})

test('a result of another size is scaled to that of the original, each pixel to its place', async (t: TestContext) => {
  const source = await png(400, 300)
  const half = await sharp({ create: { width: 80, height: 60, channels: 3, background: '#ff0000' } })
    .composite([{ input: await green(40, 60), left: 0, top: 0 }])
    .png()
    .toBuffer()
  const composite = await compose(source, {
    strokes: [{ mode: 'add_rectangle', points: [100, 0, 300, 300] }],
    result: half,
  })
  const { pixels, width } = await shown(composite)
  t.assert.equal(width, 400)
  const at = (x: number, y: number) => [...pixels.subarray((y * 400 + x) * 4, (y * 400 + x) * 4 + 3)]
  t.assert.deepEqual(
    [at(110, 5), at(190, 290)],
    [
      [0, 255, 0],
      [0, 255, 0],
    ],
  )
  t.assert.deepEqual(
    [at(210, 5), at(290, 290)],
    [
      [255, 0, 0],
      [255, 0, 0],
    ],
  )
})

test('strips of a large image fit together', async (t: TestContext) => {
  const result = await png(60, 45)
  const source = await sharp({ create: { width: 4000, height: 3000, channels: 3, background: '#123456' } })
    .png()
    .toBuffer()
  const strokes: MaskStroke[] = [{ mode: 'add_rectangle', points: [0, 0, 4000, 2999] }]
  const { pixels } = await shown(await compose(source, { strokes, result }))
  const expected = await shown(await sharp(result).resize(4000, 3000, { fit: 'fill' }).png().toBuffer())
  t.assert.ok(
    Buffer.from(pixels.subarray(0, 4000 * 2999 * 4)).equals(Buffer.from(expected.pixels.subarray(0, 4000 * 2999 * 4))),
  )
})

test('a profile that the model was sent stays', async (t: TestContext) => {
  const source = await noise(3).withIccProfile('p3').png().toBuffer()
  const composite = await compose(source, { strokes: [area] })
  const [before, after] = [await sharp(source).metadata(), await sharp(composite).metadata()]
  t.assert.ok(before.icc?.equals(after.icc ?? Buffer.alloc(0)))
})

test('a result that carries the same profile has its pixels in the composite', async (t: TestContext) => {
  const source = await noise(3).withIccProfile('p3').png().toBuffer()
  const composite = await compose(source, { strokes: [area], result: source })
  t.assert.deepStrictEqual(await changed(source, composite), new Set())
})

test('transparency of a result is that of the composite inside the mask', async (t: TestContext) => {
  const clear = await sharp({
    create: { width: 40, height: 30, channels: 4, background: { r: 9, g: 9, b: 9, alpha: 0 } },
  })
    .png()
    .toBuffer()
  const { pixels } = await shown(await compose(await jpeg(), { strokes: [area], result: clear }))
  t.assert.deepEqual([pixels[(2 * 40 + 4) * 4 + 3], pixels[3]], [0, 255])
})

test('colours that nobody sees do not shine through a soft edge', async (t: TestContext) => {
  const hidden = { r: 255, g: 0, b: 0, alpha: 0 }
  const source = await sharp({ create: { width: 40, height: 30, channels: 4, background: hidden } })
    .png()
    .toBuffer()
  const { pixels } = await shown(await compose(source, { strokes: [area], feather: 4 }))
  for (let at = 0; at < pixels.length; at += 4) {
    if ((pixels[at + 3] ?? 0) > 0) t.assert.deepEqual([...pixels.subarray(at, at + 3)], [0, 255, 0])
  }
})

test('a feather reaches exactly its pixels to both sides, and does not fade at the border', async (t: TestContext) => {
  for (const radius of [1, 2, 3, 10, 25]) {
    const width = 100
    const mask = Uint8Array.from({ length: width * 3 }, (_, at) => (at % width >= 50 ? 255 : 0))
    const walk = feathered(mask, { width, height: 3 }, radius)
    let step = walk.next()
    while (step.done !== true) step = walk.next()
    const row = [...step.value.subarray(width, 2 * width)]
    t.assert.ok(
      row.slice(0, 50 - radius).every((each) => each === 0),
      `${radius}: ${row}`,
    )
    t.assert.ok(
      row.slice(50 + radius).every((each) => each === 255),
      `${radius}: ${row}`,
    )
    t.assert.ok(row.slice(50 - radius, 50 + radius).every((each, at, all) => each >= (all[at - 1] ?? 0)))
    t.assert.ok((row[49] ?? 0) > 0 && (row[50] ?? 255) < 255, `${radius}: ${row}`)
  }
})

test('an image for whose composite memory would be short is rejected before', async (t: TestContext) => {
  const source = await png(400, 300)
  const header = probeImage(source, limits)
  checkComposable(header, 0, createPixelWork({ maxDecodedBytes: 100_000_000 }))
  t.assert.throws(() => checkComposable(header, 0, createPixelWork({ maxDecodedBytes: 500_000 })), {
    code: 'IMG_ERR_IMAGE_DECODED',
  })
})

test('a composite ends with its claim', async (t: TestContext) => {
  const late = claimOf({ deadlineAt: performance.now() + 1 })
  const work = composeImage(await green(), keepOf(await png(3000, 3000), { strokes: [area] }), options, late)
  await t.assert.rejects(work, { code: 'IMG_ERR_AZURE_NOT_SENT' })
})
