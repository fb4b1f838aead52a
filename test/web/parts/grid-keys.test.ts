import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { columnsOf, moveInGrid } from '../../../web/parts/grid-keys.ts'
import { checkProperty } from '../../support/property.ts'

const keys = ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End', 'PageUp', 'PageDown']
/** 0 1 2 3 / 4 5 6 7 / 8 9 */
const grid = { count: 10, columns: 4 }
const from = (index: number, key: string) => moveInGrid(key, { ...grid, index })

describe('keys in a grid', () => {
  test('arrows move one item or one row', (t: TestContext) => {
    t.assert.deepStrictEqual(
      ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'].map((key) => from(5, key)),
      [4, 6, 1, 9],
    )
  })

  test('left and right go on in the next row; nothing moves beyond the first and the last item', (t: TestContext) => {
    t.assert.deepStrictEqual([from(3, 'ArrowRight'), from(4, 'ArrowLeft')], [4, 3])
    t.assert.deepStrictEqual([from(0, 'ArrowLeft'), from(9, 'ArrowRight')], [0, 9])
    t.assert.deepStrictEqual([from(2, 'ArrowUp'), from(9, 'ArrowDown')], [2, 9])
  })

  test('down to a shorter last row goes to its last item', (t: TestContext) => {
    t.assert.strictEqual(from(7, 'ArrowDown'), 9)
  })

  test('pages stay in the column', (t: TestContext) => {
    t.assert.deepStrictEqual([from(9, 'PageUp'), from(1, 'PageDown'), from(6, 'PageUp')], [1, 9, 2])
  })

  test('Home and End', (t: TestContext) => {
    t.assert.deepStrictEqual([from(5, 'Home'), from(5, 'End')], [0, 9])
  })

  test('other keys, and an empty grid, move nothing', (t: TestContext) => {
    for (const key of ['Enter', 'a', 'toString', 'constructor']) t.assert.strictEqual(from(5, key), undefined)
    t.assert.strictEqual(moveInGrid('ArrowDown', { index: 0, count: 0, columns: 3 }), undefined)
  })

  test('every key stays inside of every grid', async (t: TestContext) => {
    await checkProperty(
      t,
      fc.property(
        fc.constantFrom(...keys),
        fc.nat(200),
        fc.nat(200),
        fc.integer({ min: 0, max: 40 }),
        (key, a, b, columns) => {
          const [index, count] = a <= b ? [a, b + 1] : [b, a + 1]
          const to = moveInGrid(key, { index, count, columns })
          return to !== undefined && to >= 0 && to < count
        },
      ),
      { numRuns: 500 },
    )
  })

  test('the number of columns comes from where the items are', (t: TestContext) => {
    t.assert.deepStrictEqual([[], [8], [8, 8, 8], [8, 8, 120, 120, 232]].map(columnsOf), [1, 1, 3, 2])
  })
})
