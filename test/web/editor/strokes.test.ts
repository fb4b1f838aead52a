import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { Point } from '../../../web/editor/geometry.ts'
import {
  addOperation,
  emptyHistory,
  type MaskHistory,
  type MaskOperation,
  maskLimits,
  maskUsage,
  redo,
  undo,
  visibleOperations,
} from '../../../web/editor/strokes.ts'
import { checkProperty } from '../../support/property.ts'

const brush = (points: readonly Point[], size = 20): MaskOperation => ({ kind: 'brush', mode: 'add', size, points })
const added = (history: MaskHistory, ...operations: readonly MaskOperation[]): MaskHistory =>
  operations.reduce((before, one) => addOperation(before, one).history, history)
const a = brush([[10, 10]])
const b = brush([[20, 20]])
const invert: MaskOperation = { kind: 'invert' }
const clear: MaskOperation = { kind: 'clear' }

/** A scribble whose points cannot be left out: it goes back and forth by more than its width. */
const zigzag = (count: number, width: number): Point[] =>
  Array.from({ length: count }, (_, index) => [index % 2 === 0 ? 0 : width, index * 2])

describe('the history of a mask', () => {
  test('takes back and repeats what was done, in order', (t: TestContext) => {
    const all = added(emptyHistory, a, b, invert)
    const back = undo(undo(all))
    t.assert.deepStrictEqual(visibleOperations(back), [a])
    t.assert.deepStrictEqual(redo(redo(back)), all)
    t.assert.deepStrictEqual(redo(all), all)
    t.assert.deepStrictEqual(undo(emptyHistory), emptyHistory)
  })

  test('forgets what was taken back once something else is done', (t: TestContext) => {
    t.assert.deepStrictEqual(visibleOperations(redo(added(undo(added(emptyHistory, a)), b))), [b])
  })

  test('takes back a clearing, and keeps at most what two of them cover', (t: TestContext) => {
    const once = added(emptyHistory, a, b, clear)
    t.assert.deepStrictEqual(visibleOperations(once), [])
    t.assert.deepStrictEqual(visibleOperations(undo(once)), [a, b])
    t.assert.strictEqual(added(once, clear), once)
    const twice = added(once, b, clear)
    t.assert.deepStrictEqual(twice.done, [b, clear])
    t.assert.deepStrictEqual(visibleOperations(undo(undo(twice))), [])
  })

  test('undo, redo and additions in any order never lose an operation that is shown', async (t: TestContext) => {
    const step = fc.constantFrom('add', 'clear', 'undo', 'redo')
    await checkProperty(
      t,
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let history = emptyHistory
        let serial = 0
        for (const one of steps) {
          const before = visibleOperations(history)
          if (one === 'undo') {
            const after = undo(history)
            if (after !== history) t.assert.deepStrictEqual(visibleOperations(redo(after)), before)
            history = after
          } else if (one === 'redo') history = redo(history)
          else {
            const operation: MaskOperation = one === 'clear' ? clear : brush([[serial++, 0]])
            history = added(history, operation)
            t.assert.deepStrictEqual(visibleOperations(history), one === 'clear' ? [] : [...before, operation])
            if (before.length > 0 || one === 'add') t.assert.deepStrictEqual(visibleOperations(undo(history)), before)
          }
        }
        t.assert.ok(history.done.length <= 2 * maskLimits.strokes + 1)
      }),
      { numRuns: 200 },
    )
  })
})

describe('the limits of a mask', () => {
  test('points are whole pixels, and those that do not matter are left out', (t: TestContext) => {
    const straight = brush(
      Array.from({ length: 500 }, (_, index): Point => [index / 3, 10.2]),
      19.6,
    )
    t.assert.deepStrictEqual(visibleOperations(added(emptyHistory, straight)), [
      {
        kind: 'brush',
        mode: 'add',
        size: 20,
        points: [
          [0, 10],
          [166, 10],
        ],
      },
    ])
  })

  test('a stroke that does not fit is followed less exactly, and the person is told', (t: TestContext) => {
    // Moves by 4 px, which is more than a thirty-second of the brush and less than a sixth.
    const shaky = brush(zigzag(2_400, 4), 40)
    const first = addOperation(emptyHistory, shaky)
    t.assert.strictEqual(first.result, 'added')
    const second = addOperation(addOperation(first.history, shaky).history, shaky)
    t.assert.strictEqual(second.result, 'simplified')
    t.assert.ok(maskUsage(visibleOperations(second.history)) <= 1)
  })

  test('what does not fit at all is not added, and changes nothing', (t: TestContext) => {
    const wild = brush(zigzag(4_000, 900), 2)
    const one = addOperation(emptyHistory, wild)
    t.assert.strictEqual(one.result, 'added')
    const two = addOperation(one.history, wild)
    t.assert.strictEqual(two.result, 'full')
    t.assert.strictEqual(two.history, one.history)
  })

  test('the number of strokes is limited, and clearing makes room again', (t: TestContext) => {
    const full = added(emptyHistory, ...Array.from({ length: maskLimits.strokes + 5 }, () => a))
    t.assert.strictEqual(visibleOperations(full).length, maskLimits.strokes)
    t.assert.strictEqual(maskUsage(visibleOperations(full)), 1)
    t.assert.strictEqual(addOperation(full, a).result, 'full')
    t.assert.strictEqual(addOperation(added(full, clear), a).result, 'added')
  })
})
