import { describe, type TestContext, test } from 'node:test'
import { LiveStroke } from '../../../web/editor/live-stroke.ts'

describe('a stroke while it is painted', () => {
  test('becomes what the tool does: the brush adds, the eraser takes out', (t: TestContext) => {
    for (const [tool, mode] of [
      ['brush', 'add'],
      ['eraser', 'erase'],
    ] as const) {
      const stroke = new LiveStroke(tool, 20, [1, 1])
      t.assert.deepStrictEqual(stroke.extend([40, 1]), [1, 1])
      t.assert.deepStrictEqual(stroke.operation(), {
        kind: 'brush',
        mode,
        size: 20,
        points: [
          [1, 1],
          [40, 1],
        ],
      })
    }
  })

  test('leaves out moves that are too small to be seen', (t: TestContext) => {
    const stroke = new LiveStroke('brush', 200, [0, 0])
    t.assert.strictEqual(stroke.extend([3, 3]), undefined)
    t.assert.deepStrictEqual(stroke.extend([5, 5]), [0, 0])
  })

  test('of a rectangle has two corners, whatever lay between them', (t: TestContext) => {
    const stroke = new LiveStroke('rectangle', 20, [5, 5])
    for (const [x, y] of [
      [50, 50],
      [9, 90],
      [30, 2],
    ] as const) {
      stroke.extend([x, y])
    }
    t.assert.deepStrictEqual(stroke.operation(), { kind: 'rectangle', mode: 'add', from: [5, 5], to: [30, 2] })
  })

  test('of a rectangle without area is none', (t: TestContext) => {
    const stroke = new LiveStroke('rectangle', 20, [5, 5])
    t.assert.strictEqual(stroke.operation(), undefined)
    stroke.extend([5.2, 80])
    t.assert.strictEqual(stroke.operation(), undefined)
  })

  test('stays small however long one scribbles', (t: TestContext) => {
    const stroke = new LiveStroke('brush', 40, [0, 0])
    for (let at = 1; at < 60_000; at++)
      stroke.extend([2_000 + 900 * Math.cos(at / 30), 1_500 + 900 * Math.sin(at / 17)])
    const operation = stroke.operation()
    t.assert.ok(operation?.kind === 'brush' && operation.points.length <= 4_000)
  })
})
