import { type TestContext, test } from 'node:test'
import sharp from 'sharp'
import { probeImage } from '../../../services/imaging/image-probe.ts'
import { maskOfImage, maskOfRegion, type Region } from '../../../services/imaging/mask.ts'
import { createPixelWork } from '../../../services/imaging/pixel-work.ts'
import { claimOf } from '../../support/images/pixel-claims.ts'

const pixels = createPixelWork({ maxDecodedBytes: 100_000_000 })
const mask = (region: Region, width: number, height: number, claim = claimOf()) =>
  maskOfRegion(region, { width, height }, pixels, claim)

test('a rectangle is transparent inside and opaque outside, in RGBA', async (t: TestContext) => {
  const { bytes } = await mask({ x: 1, y: 2, width: 2, height: 1 }, 4, 4)
  const { channels, depth, space } = await sharp(bytes).metadata()
  t.assert.deepStrictEqual({ channels, depth, space }, { channels: 4, depth: 'uchar', space: 'srgb' })
  const { data } = await sharp(bytes).extractChannel('alpha').raw().toBuffer({ resolveWithObject: true })
  t.assert.deepStrictEqual([...data], [255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 255, 255, 255, 255, 255])
})

test('the mask of a large image lets the event loop turn', async (t: TestContext) => {
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  await mask({ x: 0, y: 0, width: 1, height: 1 }, 6000, 6000)
  clearInterval(timer)
  t.assert.ok(turns > 3, `${turns} turns`)
})

test('a mask is abandoned on disconnect or at the deadline', async (t: TestContext) => {
  const region = { x: 0, y: 0, width: 1, height: 1 }
  const disconnected = new AbortController()
  const abandoned = mask(region, 16_000, 3000, claimOf({ signal: disconnected.signal }))
  setImmediate(() => disconnected.abort())
  await t.assert.rejects(abandoned, { code: 'IMG_ERR_CANCELLED' })
  const late = mask(region, 16_000, 3000, claimOf({ deadlineAt: performance.now() + 20 }))
  await t.assert.rejects(late, { code: 'IMG_ERR_AZURE_NOT_SENT' })
})

test('a mask is converted to 8-bit RGBA with the same transparency', async (t: TestContext) => {
  const raw = Buffer.alloc(16 * 8 * 4, 255).fill(0, 0, 16 * 4 * 4)
  const source = () => sharp(raw, { raw: { width: 16, height: 8, channels: 4 } })
  const kinds = {
    palette: source().png({ palette: true, colours: 4 }),
    '16 bits': source().toColourspace('rgb16').png(),
    'grey with opacity': source().toColourspace('b-w').png(),
  }
  for (const [kind, image] of Object.entries(kinds)) {
    const bytes = await image.toBuffer()
    const header = probeImage(bytes, { maxBytes: 10_000, maxPixels: 10_000 })
    const made = await maskOfImage(bytes, header, { width: 16, height: 8 }, pixels, claimOf())
    const { channels, depth, space, isPalette } = await sharp(made.bytes).metadata()
    t.assert.deepStrictEqual(
      { channels, depth, space, isPalette },
      { channels: 4, depth: 'uchar', space: 'srgb', isPalette: false },
      kind,
    )
    const alpha = await sharp(made.bytes).extractChannel('alpha').raw().toBuffer()
    t.assert.deepStrictEqual([...alpha], [...Array(64).fill(0), ...Array(64).fill(255)], kind)
  }
  const plain = await source().png().toBuffer()
  const header = probeImage(plain, { maxBytes: 10_000, maxPixels: 10_000 })
  const { bytes } = await maskOfImage(plain, header, { width: 16, height: 8 }, pixels, claimOf())
  t.assert.strictEqual(bytes, plain)
})
