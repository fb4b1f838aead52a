import { type TestContext, test } from 'node:test'
import { brushRange, moveCursor, nextBrushSize } from '../../../web/editor/cursor.ts'

const image = { width: 4_000, height: 3_000 }

test('arrows move the cursor by a distance that is seen, further with Shift, and never off the image', (t: TestContext) => {
  t.assert.deepStrictEqual(moveCursor([100, 100], 'ArrowRight', false, 0.5, image), [116, 100])
  t.assert.deepStrictEqual(moveCursor([100, 100], 'ArrowUp', true, 0.5, image), [100, 4])
  t.assert.deepStrictEqual(moveCursor([100, 100], 'ArrowDown', false, 16, image), [100, 101])
  t.assert.deepStrictEqual(moveCursor([2, 2_999], 'ArrowLeft', true, 0.5, image), [0, 2_999])
  t.assert.deepStrictEqual(moveCursor([2, 2_999], 'ArrowDown', true, 0.5, image), [2, 3_000])
  t.assert.strictEqual(moveCursor([0, 0], 'a', false, 1, image), undefined)
  t.assert.strictEqual(moveCursor([0, 0], 'toString', false, 1, image), undefined)
})

test('brackets reach every size of the range and stop at its ends', (t: TestContext) => {
  const range = brushRange(image)
  let size = range.initial
  for (let press = 0; press < 50; press++) size = nextBrushSize(size, 1, range)
  t.assert.strictEqual(size, range.max)
  for (let press = 0; press < 50; press++) size = nextBrushSize(size, -1, range)
  t.assert.strictEqual(size, range.min)
  t.assert.strictEqual(nextBrushSize(1, 1, { min: 1, max: 9 }), 2)
})

test('the range of a tiny image still has sizes to choose', (t: TestContext) => {
  const { min, max, initial } = brushRange({ width: 1, height: 1 })
  t.assert.ok(min >= 1 && min <= initial && initial <= max)
})
