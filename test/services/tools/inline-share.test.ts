import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { chooseWhole } from '../../../services/tools/inline-share.ts'
import { checkProperty } from '../../support/property.ts'

const sizes = fc.array(fc.integer({ min: 1, max: 10_000 }), { minLength: 1, maxLength: 10 })

test('a response never exceeds its limit, and no image is reduced that the limit can hold', async (t: TestContext) => {
  const property = fc.property(sizes, fc.integer({ min: 1, max: 60_000 }), (list, limit) => {
    const { isWhole, share } = chooseWhole(list, limit)
    const whole = list.filter((_, at) => isWhole[at])
    const reduced = list.filter((_, at) => !isWhole[at])
    const total = whole.reduce((sum, size) => sum + size, 0) + share * reduced.length
    t.assert.ok(total <= limit)
    t.assert.ok(reduced.every((size) => size > share))
    t.assert.ok(whole.every((size) => reduced.every((other) => size < other)))
    const isAllThatFits = list.reduce((sum, size) => sum + size, 0) <= limit
    t.assert.strictEqual(reduced.length === 0, isAllThatFits)
    // Nothing is wasted but the rounding of the shares.
    if (reduced.length > 0) t.assert.ok(limit - total < reduced.length)
  })
  await checkProperty(t, property, { numRuns: 2000 })
})

test('equal images are treated alike', (t: TestContext) => {
  t.assert.deepStrictEqual(chooseWhole([10, 10, 10], 29), { isWhole: [false, false, false], share: 9 })
  t.assert.deepStrictEqual(chooseWhole([10, 10, 10], 30).isWhole, [true, true, true])
})

test('without a limit every image is whole', (t: TestContext) => {
  t.assert.deepStrictEqual(chooseWhole([1e9, 1e9], 0).isWhole, [true, true])
})
