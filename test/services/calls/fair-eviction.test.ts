import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { selectEvicted, type Use } from '../../../services/calls/fair-eviction.ts'
import { checkProperty } from '../../support/property.ts'

const use = (share: string, bytes = 1, isFixed = false): Use => ({ share, bytes, isFixed })

test('the caller that stores most loses its oldest, others lose nothing', (t: TestContext) => {
  const uses = [use('bob'), ...Array.from({ length: 9 }, () => use('ann'))]
  t.assert.deepEqual(selectEvicted(uses, { maxEntries: 7, maxBytes: 100 }), [1, 2, 3])
  t.assert.deepEqual(
    selectEvicted([use('bob', 10), use('ann', 60), use('ann', 50)], { maxEntries: 9, maxBytes: 100 }),
    [1],
  )
  t.assert.deepEqual(selectEvicted(uses, { maxEntries: 10, maxBytes: 10 }), [])
})

test('a caller within its part never loses anything, and the bounds hold unless running calls exceed them', async (t: TestContext) => {
  const uses = fc.array(
    fc.record({
      share: fc.constantFrom('a', 'b', 'c', 'd'),
      bytes: fc.integer({ min: 0, max: 100 }),
      isFixed: fc.boolean(),
    }),
    { maxLength: 40 },
  )
  const property = fc.property(
    uses,
    fc.integer({ min: 1, max: 20 }),
    fc.integer({ min: 1, max: 800 }),
    (all, maxEntries, maxBytes) => {
      const evicted = new Set(selectEvicted(all, { maxEntries, maxBytes }))
      const left = all.filter((_use, index) => !evicted.has(index))
      const isWithin = left.length <= maxEntries && left.reduce((sum, { bytes }) => sum + bytes, 0) <= maxBytes
      const isStuck = left.every(({ isFixed }) => isFixed)
      const shares = new Set(all.map(({ share }) => share))
      const small = [...shares].filter((share) => {
        const own = all.filter((each) => each.share === share)
        const bytes = own.reduce((sum, each) => sum + each.bytes, 0)
        return own.length <= maxEntries / shares.size && bytes <= maxBytes / shares.size
      })
      // What must stay may take more than its part.
      const hasLost =
        [...evicted].some((index) => small.some((share) => share === all[index]?.share)) &&
        !all.some(({ isFixed }) => isFixed)
      return (isWithin || isStuck) && !hasLost && [...evicted].every((index) => all[index]?.isFixed === false)
    },
  )
  await checkProperty(t, property, { numRuns: 2_000 })
})
