import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { MaskStroke } from '../../../schemas/mask.ts'
import { checkStrokes, checkWork } from '../../../services/imaging/stroke-shapes.ts'
import { paintStrokes } from '../../../services/imaging/strokes.ts'
import { paintSlowly } from '../../support/images/slow-strokes.ts'
import { checkProperty } from '../../support/property.ts'

function paint(strokes: readonly MaskStroke[], width: number, height: number): number[] {
  const walk = paintStrokes(checkStrokes(strokes), { width, height })
  let step = walk.next()
  while (step.done !== true) step = walk.next()
  return [...step.value]
}

const problem = (strokes: readonly MaskStroke[]): string => {
  try {
    checkStrokes(strokes)
  } catch (error) {
    return String(error)
  }
  return ''
}

const number = fc.oneof(
  fc.integer({ min: -10, max: 60 }),
  fc.double({ min: -10, max: 60, noNaN: true }),
  fc.constantFrom(0, -0, 0.5, 1e-12, 20 - 1e-12, 100_000, -100_000, 5e-324),
)
const size = fc.oneof(
  fc.integer({ min: 1, max: 30 }),
  fc.double({ min: 1, max: 30, noNaN: true }),
  fc.constant(100_000),
)
const points = (minLength: number, maxLength: number) =>
  fc.array(fc.tuple(number, number), { minLength, maxLength }).map((pairs) => pairs.flat())
const stroke: fc.Arbitrary<MaskStroke> = fc.oneof(
  fc.record({ mode: fc.constantFrom('add', 'erase'), size, points: points(1, 8) }),
  fc.record({ mode: fc.constantFrom('add_rectangle', 'erase_rectangle'), points: points(2, 2) }),
  fc.constant({ mode: 'invert' as const }),
)

test('every pixel is as a slow and simple painter has it', async (t: TestContext) => {
  const edge = fc.integer({ min: 1, max: 50 })
  const drawing = fc.property(
    fc.array(stroke, { minLength: 1, maxLength: 5 }),
    edge,
    edge,
    (strokes, width, height) => {
      const painted = paint(strokes, width, height)
      const expected = paintSlowly(strokes, width, height)
      const wrong = expected.findIndex((each, at) => Math.abs(each - (painted[at] ?? -9)) > 1)
      if (wrong === -1) return
      throw new Error(`pixel ${wrong % width}, ${Math.floor(wrong / width)}: ${painted[wrong]}, not ${expected[wrong]}`)
    },
  )
  await checkProperty(t, drawing, { numRuns: Number(process.env.PROPERTY_RUNS ?? 500) })
})

describe('a stroke', () => {
  test('of one point is a dot', (t: TestContext) => {
    const dot = paint([{ mode: 'add', size: 3, points: [1.5, 1.5] }], 4, 3)
    t.assert.deepEqual(dot, [149, 255, 149, 0, 255, 255, 255, 0, 149, 255, 149, 0])
  })

  test('of the thinnest brush paints more than half of a pixel, wherever its dot is', (t: TestContext) => {
    for (const at of [0.5, 0.75, 1]) {
      t.assert.ok(Math.max(...paint([{ mode: 'add', size: 1, points: [at, at] }], 3, 3)) > 127, String(at))
    }
  })

  test('outside of the image, or far larger than it, paints what is inside', (t: TestContext) => {
    t.assert.deepEqual(paint([{ mode: 'add', size: 10, points: [-90, -90, -20, 40] }], 2, 2), [0, 0, 0, 0])
    t.assert.deepEqual(paint([{ mode: 'add', size: 100_000, points: [-900, 9000] }], 2, 2), [255, 255, 255, 255])
    t.assert.deepEqual(
      paint([{ mode: 'add', size: 2, points: [-100_000, 0.5, 100_000, 0.5] }], 2, 2),
      [255, 255, 128, 128],
    )
  })

  test('of a rectangle has hard edges between pixels and soft ones within', (t: TestContext) => {
    t.assert.deepEqual(paint([{ mode: 'add_rectangle', points: [2, 1, 1, 0] }], 3, 2), [0, 255, 0, 0, 0, 0])
    t.assert.deepEqual(paint([{ mode: 'add_rectangle', points: [0.5, 0, 2, 0.5] }], 3, 1), [64, 128, 0])
  })

  test('erases what was painted before it, not after; an inversion exchanges both', (t: TestContext) => {
    const all: MaskStroke = { mode: 'add_rectangle', points: [0, 0, 3, 1] }
    const first: MaskStroke = { mode: 'erase_rectangle', points: [0, 0, 1, 1] }
    t.assert.deepEqual(paint([all, first], 3, 1), [0, 255, 255])
    t.assert.deepEqual(paint([first, all], 3, 1), [255, 255, 255])
    t.assert.deepEqual(paint([all, first, { mode: 'invert' }], 3, 1), [255, 0, 0])
    t.assert.deepEqual(paint([{ mode: 'invert' }, first], 3, 1), [0, 255, 255])
  })
})

test('what strokes lack is named with its number', (t: TestContext) => {
  const dot: MaskStroke = { mode: 'add', size: 1, points: [0, 0] }
  t.assert.match(problem([dot, { mode: 'erase', points: [0, 0] }]), /number 2\): erase requires size/)
  t.assert.match(problem([{ mode: 'add', size: 1 }]), /number 1\): add takes x and y/)
  t.assert.match(problem([{ mode: 'add', size: 1, points: [1, 2, 3] }]), /x and y/)
  t.assert.match(problem([{ mode: 'add_rectangle', points: [1, 2, 3] }]), /two opposite corners/)
  t.assert.match(problem([{ mode: 'add_rectangle', points: [1, 2, 3, 4, 5, 6] }]), /two opposite corners/)
})

test('strokes are limited in number, points and bytes', (t: TestContext) => {
  const dot: MaskStroke = { mode: 'add', size: 1, points: [0, 0] }
  t.assert.equal(problem(Array.from({ length: 200 }, () => dot)), '')
  t.assert.match(problem(Array.from({ length: 201 }, () => dot)), /201 strokes, more than 200/)
  const path = (points: number, x: number): MaskStroke => ({ mode: 'add', size: 1, points: Array(points * 2).fill(x) })
  t.assert.equal(problem([path(2500, 1), path(2500, 1)]), '')
  t.assert.match(problem([path(2500, 1), path(2501, 1)]), /5001 points, more than 5000/)
  t.assert.match(problem([path(5000, 1234.567)]), /bytes of JSON, more than 65536/)
})

test('strokes that would take long on a large image are rejected', (t: TestContext) => {
  const across = (points: number): MaskStroke => ({
    mode: 'add',
    size: 50,
    points: Array.from({ length: points }, (_, at) => [at % 100, at % 2 === 0 ? 0 : 16_384]).flat(),
  })
  const size = { width: 3051, height: 16_384 }
  checkWork(checkStrokes([across(1000)]), size)
  t.assert.throws(() => checkWork(checkStrokes([across(5000)]), size), { code: 'IMG_ERR_MASK' })
  checkWork(checkStrokes([across(5000)]), { width: 4000, height: 3000 })
})

test('a walk pauses often, however much there is to paint in a row', (t: TestContext) => {
  const flat: MaskStroke = {
    mode: 'add',
    size: 2,
    points: Array.from({ length: 5000 }, (_, at) => [at % 2 === 0 ? 0 : 16_384, 1 + at / 5000]).flat(),
  }
  const walk = paintStrokes(checkStrokes([flat]), { width: 16_384, height: 4 })
  let steps = 0
  while (walk.next().done !== true) steps++
  t.assert.ok(steps > 500, `${steps} steps`)
})
