import { type TestContext, test } from 'node:test'
import sharp from 'sharp'
import { maskOfRegion } from '../../../services/tools/mask.ts'

test('a rectangle is transparent inside and opaque outside', async (t: TestContext) => {
  const { bytes } = await maskOfRegion({ x: 1, y: 2, width: 2, height: 1 }, { width: 4, height: 4 })
  const { data } = await sharp(bytes).extractChannel('alpha').raw().toBuffer({ resolveWithObject: true })
  t.assert.deepStrictEqual([...data], [255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 255, 255, 255, 255, 255])
})

test('the mask of a large picture lets the event loop turn', async (t: TestContext) => {
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  await maskOfRegion({ x: 0, y: 0, width: 1, height: 1 }, { width: 6000, height: 6000 })
  clearInterval(timer)
  t.assert.ok(turns > 3, `${turns} turns`)
})
