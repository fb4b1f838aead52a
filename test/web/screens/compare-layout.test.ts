import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { type CompareMode, layoutCompare, paneAt, paneSize, splitAt } from '../../../web/screens/compare-layout.ts'
import { checkProperty } from '../../support/property.ts'

const still = { scale: 1, x: 0, y: 0 }
const square = { width: 1024, height: 1024 }
const wide = { width: 1536, height: 768 }

describe('two images over each other', () => {
  const layout = (split: number, view = still) =>
    layoutCompare('slider', { stage: { width: 400, height: 200 }, images: [square, wide], split, view })

  test('both fill the stage, whatever their sizes are', (t: TestContext) => {
    const [first, second] = layout(0.5).panes
    t.assert.deepStrictEqual(first.image, { x: 100, y: 0, width: 200, height: 200 })
    t.assert.deepStrictEqual(second.image, { x: 0, y: 0, width: 400, height: 200 })
  })

  test('the clips meet at the split and cover the stage', (t: TestContext) => {
    for (const split of [0, 0.25, 1]) {
      const [first, second] = layout(split).panes
      t.assert.strictEqual(first.clip.x + first.clip.width, second.clip.x)
      t.assert.strictEqual(first.clip.width + second.clip.width, 400)
      t.assert.strictEqual(second.clip.x, 400 * split)
    }
  })

  test('the slider runs along what is seen of the images', (t: TestContext) => {
    const { track } = layoutCompare('slider', {
      stage: { width: 400, height: 200 },
      images: [square, square],
      split: 0.5,
      view: still,
    })
    t.assert.deepStrictEqual(track, { x: 100, y: 0, width: 200, height: 200 })
    t.assert.deepStrictEqual(layout(0.5, { scale: 4, x: -300, y: -100 }).track, { x: 0, y: 0, width: 400, height: 200 })
  })
})

describe('two images beside each other', () => {
  const layout = (stage: { width: number; height: number }, view = still) =>
    layoutCompare('side', { stage, images: [square, { width: 512, height: 512 }], split: 0.5, view }).panes

  test('in a wide stage side by side, in a high one below each other', (t: TestContext) => {
    const [, beside] = layout({ width: 408, height: 200 })
    t.assert.deepStrictEqual(beside.clip, { x: 208, y: 0, width: 200, height: 200 })
    const [, below] = layout({ width: 200, height: 408 })
    t.assert.deepStrictEqual(below.clip, { x: 0, y: 208, width: 200, height: 200 })
  })

  test('zoom and pan move both alike', (t: TestContext) => {
    const [first, second] = layout({ width: 408, height: 200 }, { scale: 3, x: -40, y: -60 })
    t.assert.deepStrictEqual(first.image, { x: -40, y: -60, width: 600, height: 600 })
    t.assert.deepStrictEqual(second.image, { x: 168, y: -60, width: 600, height: 600 })
  })
})

test('a place in either pane is one of the same view', (t: TestContext) => {
  const stage = { width: 408, height: 200 }
  t.assert.deepStrictEqual(paneSize('side', stage), { width: 200, height: 200 })
  t.assert.deepStrictEqual(
    [paneAt('side', [30, 40], stage), paneAt('side', [238, 40], stage)],
    [
      [30, 40],
      [30, 40],
    ],
  )
  t.assert.deepStrictEqual(paneAt('side', [30, 248], { width: 200, height: 408 }), [30, 40])
  t.assert.deepStrictEqual(paneAt('slider', [238, 40], stage), [238, 40])
})

describe('the split under a pointer', () => {
  test('is a share of the track, and stays on it', (t: TestContext) => {
    const track = { x: 100, y: 0, width: 200, height: 100 }
    t.assert.deepStrictEqual(
      [0, 100, 150, 300, 900].map((x) => splitAt(x, track)),
      [0, 0, 0.25, 1, 1],
    )
    t.assert.deepStrictEqual([splitAt(Number.NaN, track), splitAt(5, { ...track, width: 0 })], [0.5, 0.5])
  })
})

test('a layout of any sizes has numbers only, and no negative sizes', async (t: TestContext) => {
  const edge = fc.integer({ min: 0, max: 20_000 })
  const size = fc.record({ width: edge, height: edge })
  await checkProperty(
    t,
    fc.property(
      fc.constantFrom<CompareMode>('slider', 'side'),
      size,
      size,
      size,
      fc.float(),
      (mode, stage, a, b, split) => {
        const { panes, track } = layoutCompare(mode, { stage, images: [a, b], split, view: still })
        const sizes = [track, ...panes.flatMap(({ clip, image }) => [clip, image])]
        return sizes.every((rect) => Object.values(rect).every(Number.isFinite) && rect.width >= 0 && rect.height >= 0)
      },
    ),
    { numRuns: 500 },
  )
})
