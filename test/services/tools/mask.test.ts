import { type TestContext, test } from 'node:test'
import sharp from 'sharp'
import { createPixelWork } from '../../../services/images/pixel-work.ts'
import { maskOfRegion, type Region } from '../../../services/tools/mask.ts'
import { claimOf } from '../images/pixel-claims.ts'

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

test('a mask is given up when its caller disconnects or its time is over', async (t: TestContext) => {
  const region = { x: 0, y: 0, width: 1, height: 1 }
  const leaving = new AbortController()
  const abandoned = mask(region, 16_000, 3000, claimOf({ signal: leaving.signal }))
  setImmediate(() => leaving.abort())
  await t.assert.rejects(abandoned, { code: 'IMG_ERR_CANCELLED' })
  const late = mask(region, 16_000, 3000, claimOf({ deadlineAt: performance.now() + 20 }))
  await t.assert.rejects(late, { code: 'IMG_ERR_AZURE_NOT_SENT' })
})
