import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { distanceToSegment, type Point, simplify } from '../../../web/editor/geometry.ts'
import { checkProperty } from '../../support/property.ts'

const coordinate = fc.integer({ min: 0, max: 4_000 })
const line = fc.array(fc.tuple(coordinate, coordinate), { minLength: 1, maxLength: 200 })

test('no point of a line is farther from the simplified one than the tolerance, and its ends stay', async (t: TestContext) => {
  await checkProperty(
    t,
    fc.property(line, fc.integer({ min: 0, max: 300 }), (points: readonly Point[], tolerance) => {
      const short = simplify(points, tolerance)
      t.assert.strictEqual(short[0], points[0])
      t.assert.strictEqual(short.at(-1), points.at(-1))
      for (const point of points) {
        const distance = Math.min(...short.map((to, index) => distanceToSegment(point, short[index - 1] ?? to, to)))
        t.assert.ok(distance <= tolerance + 1e-9, `${distance} > ${tolerance}`)
      }
    }),
    { numRuns: 200 },
  )
})

test('a point alone and points in one place are kept as they are needed', (t: TestContext) => {
  t.assert.deepStrictEqual(simplify([[3, 4]], 1), [[3, 4]])
  t.assert.deepStrictEqual(simplify([], 1), [])
  t.assert.strictEqual(
    simplify(
      Array.from({ length: 50 }, (): Point => [3, 4]),
      1,
    ).length,
    2,
  )
})

test('a scribble of 6,000 points is simplified without recursion', (t: TestContext) => {
  const spiral = Array.from({ length: 6_000 }, (_, at): Point => [at * Math.cos(at / 20), at * Math.sin(at / 20)])
  t.assert.ok(simplify(spiral, 1).length < 6_000)
})

test('the distance to a segment is that to its nearest place', (t: TestContext) => {
  t.assert.strictEqual(distanceToSegment([5, 3], [0, 0], [10, 0]), 3)
  t.assert.strictEqual(distanceToSegment([13, 4], [0, 0], [10, 0]), 5)
  t.assert.strictEqual(distanceToSegment([3, 4], [0, 0], [0, 0]), 5)
})
