import { type TestContext, test } from 'node:test'
import { createByteBudget } from '../../../services/limits/byte-budget.ts'

test('a single reservation may use the whole of an idle budget, and never more', async (t: TestContext) => {
  const budget = createByteBudget({ limit: 100, waitMs: 10_000 })
  const one = budget.open('a')
  t.assert.equal(one.grow(60), true)
  t.assert.equal(one.grow(128), true)
  t.assert.equal(budget.used, 100)
  one.release()
  t.assert.equal(budget.used, 0)
})

test('an owner above a quarter waits while less than half is free, and others do not', async (t: TestContext) => {
  const budget = createByteBudget({ limit: 100, waitMs: 10_000 })
  const [first, second, third] = [budget.open('a'), budget.open('a'), budget.open('b')]
  t.assert.equal(first.grow(51), true)
  const waiting = second.grow(5)
  t.assert.notEqual(waiting, true)
  t.assert.equal(third.grow(25), true)
  t.assert.notEqual(third.grow(26), true)
  first.release()
  t.assert.equal(await waiting, true)
  t.assert.equal(budget.used, 31)
})

test('a request that fits is granted while a larger one waits', async (t: TestContext) => {
  const budget = createByteBudget({ limit: 100, waitMs: 10_000 })
  const [a, b, c] = [budget.open('a'), budget.open('b'), budget.open('c')]
  t.assert.equal(a.grow(90), true)
  const [large, small] = [b.grow(50), c.grow(20)]
  a.settle(70)
  t.assert.equal(await small, true)
  a.release()
  t.assert.equal(await large, true)
})

test('waiting ends after waitMs, and when the reservation is released', async (t: TestContext) => {
  const budget = createByteBudget({ limit: 100, waitMs: 20 })
  const [a, b] = [budget.open('a'), budget.open('b')]
  t.assert.equal(a.grow(100), true)
  t.assert.equal(await b.grow(10), false)
  const pending = b.grow(10)
  b.release()
  t.assert.equal(await pending, false)
  t.assert.equal(await b.grow(1), false)
  a.release()
  t.assert.equal(budget.used, 0)
})

test('bytes retained after parsing may exceed the reservation, and are counted', (t: TestContext) => {
  const budget = createByteBudget({ limit: 100, waitMs: 20 })
  const one = budget.open('a')
  t.assert.equal(one.grow(80), true)
  one.settle(120)
  t.assert.equal(budget.used, 120)
  one.release()
  t.assert.equal(budget.used, 0)
})
