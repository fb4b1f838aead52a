import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { checkStrokes } from '../../../services/imaging/stroke-shapes.ts'
import { paintStrokes } from '../../../services/imaging/strokes.ts'
import { maskGrid } from '../../../web/editor/coverage.ts'
import type { Size } from '../../../web/editor/geometry.ts'
import { addOperation, emptyHistory, type MaskOperation, visibleOperations } from '../../../web/editor/strokes.ts'
import { maskStrokes } from '../../../web/editor/wire.ts'
import { maskOperation } from '../../support/mask-operations.ts'
import { checkProperty } from '../../support/property.ts'

const operation = maskOperation({
  coordinate: fc.integer({ min: -20, max: 80 }),
  size: fc.integer({ min: 2, max: 30 }),
  maxPoints: 6,
})

/** What the service paints of what the editor sends: 255 where a pixel is to be changed. */
function painted(operations: readonly MaskOperation[], image: Size): Uint8Array {
  const walk = paintStrokes(checkStrokes(maskStrokes(operations)), image)
  let step = walk.next()
  while (step.done !== true) step = walk.next()
  return step.value
}

/** Half a pixel, give or take a rounding of its last digit. */
const isOnEdge = (value: number) => value >= 126 && value <= 129

test('the editor counts as selected exactly the pixels that the service will change', async (t: TestContext) => {
  const image = { width: 61, height: 43 }
  let selected = 0
  await checkProperty(
    t,
    fc.property(fc.array(operation, { maxLength: 8 }), (done) => {
      const history = done.reduce((before, one) => addOperation(before, one).history, emptyHistory)
      const operations = visibleOperations(history)
      const service = painted(operations, image)
      const { cells } = maskGrid(operations, image, 61)
      for (const [at, cell] of cells.entries()) {
        const value = service[at] ?? 0
        selected += cell
        if (!isOnEdge(value))
          t.assert.strictEqual(cell, value >= 128 ? 1 : 0, `pixel ${at % 61}, ${Math.floor(at / 61)}`)
      }
    }),
    { numRuns: 300 },
  )
  t.assert.ok(selected > 1_000)
})
