import { type TestContext, test } from 'node:test'
import { coverage } from '../../../web/editor/coverage.ts'
import type { MaskOperation } from '../../../web/editor/strokes.ts'

const image = { width: 4_000, height: 3_000 }
const rectangle = (x1: number, y1: number, x2: number, y2: number, mode: 'add' | 'erase' = 'add'): MaskOperation => ({
  kind: 'rectangle',
  mode,
  from: [x1, y1],
  to: [x2, y2],
})

test('nothing painted is empty, however fine a stroke is it is not', (t: TestContext) => {
  t.assert.strictEqual(coverage([], image), 0)
  for (const at of [0, 1, 1_999, 2_999]) {
    t.assert.ok(coverage([{ kind: 'brush', mode: 'add', size: 1, points: [[at, at]] }], image) > 0)
  }
})

test('a rectangle counts by its area, whichever corner came first', (t: TestContext) => {
  t.assert.strictEqual(coverage([rectangle(0, 0, 2_000, 3_000)], image), 0.5)
  t.assert.strictEqual(coverage([rectangle(2_000, 3_000, 0, 0)], image), 0.5)
  t.assert.strictEqual(coverage([rectangle(-50, -50, 9_000, 9_000)], image), 1)
})

test('inverting, erasing and clearing take effect in their order', (t: TestContext) => {
  t.assert.strictEqual(coverage([{ kind: 'invert' }], image), 1)
  t.assert.strictEqual(coverage([{ kind: 'invert' }, rectangle(0, 0, 2_000, 3_000, 'erase')], image), 0.5)
  t.assert.strictEqual(coverage([rectangle(0, 0, 1_000, 3_000), { kind: 'invert' }], image), 0.75)
  t.assert.strictEqual(coverage([{ kind: 'invert' }, { kind: 'clear' }], image), 0)
})

test('a stroke counts as its capsule', (t: TestContext) => {
  const share = coverage(
    [
      {
        kind: 'brush',
        mode: 'add',
        size: 600,
        points: [
          [1_000, 1_500],
          [3_000, 1_500],
        ],
      },
    ],
    image,
  )
  const exact = (2_000 * 600 + Math.PI * 300 ** 2) / (4_000 * 3_000)
  t.assert.ok(Math.abs(share - exact) < 0.005, `${share} is not ${exact}`)
})
