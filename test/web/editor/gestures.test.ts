import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { Point } from '../../../web/editor/geometry.ts'
import { type Gesture, Gestures } from '../../../web/editor/gestures.ts'
import { checkProperty } from '../../support/property.ts'

const at = (id: number, x: number, y = 0, type = 'touch', button = 0) => ({
  id,
  type,
  button,
  isPrimary: id === 1 || type !== 'touch',
  place: [x, y] satisfies Point as Point,
})
const kinds = (gestures: readonly Gesture[]) => gestures.map(({ kind }) => kind)

describe('pointers', () => {
  test('paint with one finger, the pen or the main button', (t: TestContext) => {
    for (const type of ['touch', 'pen', 'mouse']) {
      const gestures = new Gestures()
      const seen = [
        ...gestures.down(at(1, 0, 0, type), false),
        ...gestures.move(at(1, 5)),
        ...gestures.move(at(2, 50)),
        ...gestures.up({ id: 1 }),
        ...gestures.move(at(1, 9)),
      ]
      t.assert.deepStrictEqual(kinds(seen), ['begin', 'extend', 'end'])
    }
  })

  test('of other buttons do nothing', (t: TestContext) => {
    const gestures = new Gestures()
    t.assert.deepStrictEqual([...gestures.down(at(1, 0, 0, 'mouse', 2), false), ...gestures.move(at(1, 9))], [])
  })

  test('pan with the middle button, or with Space', (t: TestContext) => {
    for (const [button, isPanning] of [
      [1, false],
      [0, true],
    ] as const) {
      const gestures = new Gestures()
      gestures.down(at(1, 10, 10, 'mouse', button), isPanning)
      t.assert.deepStrictEqual(gestures.move(at(1, 13, 8)), [{ kind: 'pan', by: [3, -2] }])
      t.assert.deepStrictEqual(gestures.up({ id: 1 }), [])
      t.assert.deepStrictEqual(kinds(gestures.down(at(1, 0, 0, 'mouse'), false)), ['begin'])
    }
  })

  test('a second finger begins a pinch, and what the first one began by that is discarded', (t: TestContext) => {
    const gestures = new Gestures()
    gestures.down(at(1, 0), false)
    gestures.move(at(1, 5))
    t.assert.deepStrictEqual(kinds(gestures.down(at(2, 100), false)), ['discard'])
    t.assert.deepStrictEqual(gestures.move(at(2, 120)), [
      {
        kind: 'pinch',
        from: [
          [5, 0],
          [100, 0],
        ],
        to: [
          [5, 0],
          [120, 0],
        ],
      },
    ])
  })

  test('a stroke that was meant is kept when a second finger comes down', (t: TestContext) => {
    const gestures = new Gestures()
    gestures.down(at(1, 0), false)
    gestures.move(at(1, 60))
    t.assert.deepStrictEqual(kinds(gestures.down(at(2, 100), false)), ['end'])
  })

  test('after a pinch nothing is painted before every finger is up', (t: TestContext) => {
    const gestures = new Gestures()
    gestures.down(at(1, 0), false)
    gestures.down(at(2, 100), false)
    gestures.up({ id: 1 })
    t.assert.deepStrictEqual(
      [...gestures.move(at(2, 80)), ...gestures.down(at(3, 50), false), ...gestures.move(at(3, 60))],
      [],
    )
    gestures.up({ id: 2 })
    gestures.up({ id: 3 })
    t.assert.deepStrictEqual(kinds(gestures.down(at(4, 0), false)), ['begin'])
  })

  test('a hand on the screen does not disturb the pen', (t: TestContext) => {
    const gestures = new Gestures()
    gestures.down(at(9, 0, 0, 'pen'), false)
    t.assert.deepStrictEqual([...gestures.down(at(1, 30), false), ...gestures.down(at(2, 60), false)], [])
    t.assert.deepStrictEqual(kinds([...gestures.move(at(9, 4)), ...gestures.up({ id: 9 })]), ['extend', 'end'])
  })

  test('what the system takes away is discarded', (t: TestContext) => {
    const gestures = new Gestures()
    gestures.down(at(1, 0), false)
    t.assert.deepStrictEqual(kinds(gestures.cancel({ id: 1 })), ['discard'])
    t.assert.deepStrictEqual(kinds(gestures.down(at(1, 0), false)), ['begin'])
  })

  test('a finger whose end was never reported does not keep the next from painting', (t: TestContext) => {
    const gestures = new Gestures()
    gestures.down(at(1, 0), false)
    gestures.down(at(2, 50), false)
    t.assert.deepStrictEqual(kinds(gestures.down({ ...at(5, 10), isPrimary: true }, false)), ['begin'])
    t.assert.deepStrictEqual(kinds(gestures.down({ ...at(6, 10), isPrimary: true }, false)), ['discard', 'begin'])
    t.assert.deepStrictEqual(kinds(gestures.up({ id: 6 })), ['end'])
  })

  test('in any order begin and end in pairs, and are ready again once all are up', async (t: TestContext) => {
    const event = fc.record({
      kind: fc.constantFrom('down', 'move', 'up', 'cancel'),
      id: fc.integer({ min: 1, max: 4 }),
      x: fc.integer({ min: 0, max: 200 }),
      type: fc.constantFrom('touch', 'mouse', 'pen'),
      button: fc.constantFrom(0, 1, 2),
      isPanning: fc.boolean(),
    })
    await checkProperty(
      t,
      fc.property(fc.array(event, { maxLength: 50 }), (events) => {
        const gestures = new Gestures()
        const down = new Map<number, string>()
        let isPainting = false
        for (const { kind, id, x, type, button, isPanning } of events) {
          // A browser sends down once before the others, with one type an id.
          if ((kind === 'down') === down.has(id)) continue
          if (kind === 'down') down.set(id, type)
          if (kind === 'up' || kind === 'cancel') down.delete(id)
          const isPrimary = type !== 'touch' || [...down.values()].filter((each) => each === 'touch').length === 1
          const input = { ...at(id, x, 0, type, type === 'touch' ? 0 : button), isPrimary }
          const seen = kind === 'down' ? gestures.down(input, isPanning) : gestures[kind](input)
          for (const one of seen) {
            if (one.kind === 'begin') t.assert.ok(!isPainting)
            if (['extend', 'end', 'discard'].includes(one.kind)) t.assert.ok(isPainting)
            isPainting = one.kind === 'begin' || one.kind === 'extend'
          }
        }
        for (const id of down.keys()) gestures.up({ id })
        t.assert.deepStrictEqual(kinds(gestures.down(at(7, 0, 0, 'mouse'), false)), ['begin'])
      }),
      { numRuns: 500 },
    )
  })
})
