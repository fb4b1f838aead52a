import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import Type from 'typebox'
import Value from 'typebox/value'
import {
  MAX_FEATHER,
  MAX_STROKE_POINTS,
  MAX_STROKES,
  MAX_STROKES_BYTES,
  MaskStrokeSchema,
} from '../../../schemas/mask.ts'
import { addOperation, emptyHistory, maskLimits, visibleOperations } from '../../../web/editor/strokes.ts'
import { maskStrokes } from '../../../web/editor/wire.ts'
import { maskOperation } from '../../support/mask-operations.ts'
import { checkProperty } from '../../support/property.ts'

const operation = maskOperation({
  coordinate: fc.double({ min: -20_000, max: 40_000, noNaN: true }),
  size: fc.double({ min: 0.1, max: 8_192, noNaN: true }),
  maxPoints: 60,
})

describe('what the editor sends as mask_strokes', () => {
  test('is what the service accepts, whatever was done', async (t: TestContext) => {
    const schema = Type.Array(MaskStrokeSchema)
    await checkProperty(
      t,
      fc.property(fc.array(operation, { maxLength: 250 }), (operations) => {
        const history = operations.reduce((before, one) => addOperation(before, one).history, emptyHistory)
        const strokes = maskStrokes(history.done)
        t.assert.ok(Value.Check(schema, strokes))
        t.assert.ok(strokes.length <= MAX_STROKES)
        t.assert.ok(strokes.reduce((sum, { points = [] }) => sum + points.length / 2, 0) <= MAX_STROKE_POINTS)
        t.assert.ok(JSON.stringify(strokes).length <= MAX_STROKES_BYTES)
        t.assert.deepStrictEqual(strokes, maskStrokes(visibleOperations(history)))
      }),
      { numRuns: 100 },
    )
  })

  test('has the modes of the operations, in their order', (t: TestContext) => {
    const strokes = maskStrokes([
      { kind: 'brush', mode: 'erase', size: 9, points: [[7, 7]] },
      { kind: 'clear' },
      {
        kind: 'brush',
        mode: 'add',
        size: 12,
        points: [
          [1, 2],
          [3, 4],
        ],
      },
      { kind: 'rectangle', mode: 'erase', from: [9, 8], to: [7, 6] },
      { kind: 'invert' },
    ])
    t.assert.deepStrictEqual(strokes, [
      { mode: 'add', size: 12, points: [1, 2, 3, 4] },
      { mode: 'erase_rectangle', points: [9, 8, 7, 6] },
      { mode: 'invert' },
    ])
  })

  test('has the limits of the service', (t: TestContext) => {
    t.assert.strictEqual(maskLimits.strokes, MAX_STROKES)
    t.assert.strictEqual(maskLimits.points, MAX_STROKE_POINTS)
    t.assert.ok(maskLimits.bytes <= MAX_STROKES_BYTES)
    t.assert.strictEqual(maskLimits.feather, MAX_FEATHER)
  })
})
