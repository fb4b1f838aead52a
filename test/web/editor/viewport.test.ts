import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { Point } from '../../../web/editor/geometry.ts'
import {
  type Frame,
  fitView,
  isFit,
  panBy,
  pinch,
  resized,
  reveal,
  toImage,
  toStage,
  type View,
  wheelFactor,
  zoomAt,
} from '../../../web/editor/viewport.ts'
import { checkProperty } from '../../support/property.ts'

const frame: Frame = { image: { width: 4_000, height: 3_000 }, stage: { width: 800, height: 500 } }
const near = (t: TestContext, [ax, ay]: Point, [bx, by]: Point, within = 1e-6) =>
  t.assert.ok(Math.hypot(ax - bx, ay - by) <= within, `${ax}, ${ay} is not ${bx}, ${by}`)

/** No gap that the image could fill. */
function assertConfined(t: TestContext, { scale, x, y }: View, { image, stage }: Frame): void {
  for (const [at, room, length] of [
    [x, stage.width, image.width * scale],
    [y, stage.height, image.height * scale],
  ] as const) {
    if (length <= room) t.assert.ok(Math.abs(at - (room - length) / 2) < 1e-6)
    else t.assert.ok(at <= 1e-6 && at + length >= room - 1e-6)
  }
}

describe('the view of an image', () => {
  test('begins with the whole image in the middle', (t: TestContext) => {
    t.assert.deepStrictEqual(fitView(frame), { scale: 500 / 3_000, x: (800 - 4_000 / 6) / 2, y: 0 })
    t.assert.ok(isFit(fitView(frame), frame))
    t.assert.strictEqual(fitView({ image: { width: 10, height: 10 }, stage: frame.stage }).scale, 4)
  })

  test('keeps the place below the pointer where it is while zooming in', (t: TestContext) => {
    const view = zoomAt(fitView(frame), 6, [400, 250], frame)
    near(t, toImage(zoomAt(view, 1.7, [420, 260], frame), [420, 260]), toImage(view, [420, 260]))
  })

  test('goes from places of the image to places of the stage and back', (t: TestContext) => {
    const view = zoomAt(fitView(frame), 3, [100, 100], frame)
    near(t, toImage(view, toStage(view, [1_234, 567])), [1_234, 567])
  })

  test('follows two fingers: what lay between them still does, and their distance is the zoom', (t: TestContext) => {
    const view = zoomAt(fitView(frame), 4, [400, 250], frame)
    const middle = toImage(view, [400, 250])
    const next = pinch(
      view,
      [
        [350, 250],
        [450, 250],
      ],
      [
        [310, 270],
        [510, 270],
      ],
      frame,
    )
    t.assert.ok(Math.abs(next.scale / view.scale - 2) < 1e-9)
    near(t, toImage(next, [410, 270]), middle)
  })

  test('two fingers in one place do not zoom without end', (t: TestContext) => {
    const view = pinch(
      fitView(frame),
      [
        [400, 250],
        [400, 250],
      ],
      [
        [0, 0],
        [800, 500],
      ],
      frame,
    )
    t.assert.ok(Number.isFinite(view.scale) && view.scale <= 16)
  })

  test('whatever is done, it leaves no gap and stays within its scales', async (t: TestContext) => {
    const place = fc.tuple(fc.integer({ min: -100, max: 900 }), fc.integer({ min: -100, max: 600 }))
    const size = fc.record({ width: fc.integer({ min: 1, max: 16_384 }), height: fc.integer({ min: 1, max: 16_384 }) })
    const step = fc.oneof(
      fc.record({ pan: place }),
      fc.record({ zoom: fc.double({ min: 0.01, max: 100, noNaN: true }), at: place }),
      fc.record({ from: fc.tuple(place, place), to: fc.tuple(place, place) }),
      fc.record({
        show: fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })),
      }),
    )
    await checkProperty(
      t,
      fc.property(size, fc.array(step, { maxLength: 20 }), (image, steps) => {
        const one = { image, stage: frame.stage }
        let view = fitView(one)
        for (const each of steps) {
          if ('pan' in each) view = panBy(view, each.pan, one)
          else if ('zoom' in each) view = zoomAt(view, each.zoom, each.at, one)
          else if ('from' in each) view = pinch(view, each.from, each.to, one)
          else {
            const to: Point = [each.show[0] * image.width, each.show[1] * image.height]
            view = reveal(view, to, one)
            const [x, y] = toStage(view, to)
            t.assert.ok(x >= -1e-6 && y >= -1e-6 && x <= 800.000001 && y <= 500.000001)
          }
          assertConfined(t, view, one)
          t.assert.ok(view.scale >= fitView(one).scale * 0.999 && view.scale <= 16)
        }
      }),
      { numRuns: 300 },
    )
  })

  test('keeps the whole image whole, or the middle in the middle, when the stage changes its size', (t: TestContext) => {
    const wide = { image: frame.image, stage: { width: 360, height: 300 } }
    t.assert.deepStrictEqual(resized(fitView(frame), frame.stage, wide), fitView(wide))
    const close = zoomAt(fitView(frame), 8, [400, 250], frame)
    near(t, toImage(resized(close, frame.stage, wide), [180, 150]), toImage(close, [400, 250]))
  })

  test('a wheel zooms by the same measure in pixels, lines and pages, and never by leaps', (t: TestContext) => {
    t.assert.ok(wheelFactor(-100, 0) > 1 && wheelFactor(100, 0) < 1)
    t.assert.strictEqual(wheelFactor(3, 1), wheelFactor(48, 0))
    t.assert.strictEqual(wheelFactor(-1e9, 2), wheelFactor(-200, 0))
  })
})
