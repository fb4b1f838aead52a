import { type TestContext, test } from 'node:test'
import { memoize } from '../../../services/net/memoize.ts'

test('computes each text once', (t: TestContext) => {
  const ask = t.mock.fn((text: string) => text.length)
  const length = memoize(ask)
  t.assert.deepEqual([length('ab'), length('ab'), length('abc')], [2, 2, 3])
  t.assert.strictEqual(ask.mock.callCount(), 2)
})

test('caches false as well as true', (t: TestContext) => {
  const ask = t.mock.fn(() => false)
  const isGood = memoize(ask)
  t.assert.deepEqual([isGood('a'), isGood('a')], [false, false])
  t.assert.strictEqual(ask.mock.callCount(), 1)
})

test('caches a bounded number of results, and none of long texts', (t: TestContext) => {
  const ask = t.mock.fn((text: string) => text)
  const echo = memoize(ask)
  const long = 'x'.repeat(1000)
  for (const text of [long, long]) echo(text)
  t.assert.strictEqual(ask.mock.callCount(), 2)
  for (let at = 0; at < 1000; at++) echo(String(at))
  t.assert.strictEqual(echo('0'), '0')
  t.assert.strictEqual(ask.mock.callCount(), 1003)
})
