import { type TestContext, test } from 'node:test'
import { freeMemory } from '../../../services/images/free-memory.ts'

test('empties a large Buffer that is the whole of its memory', (t: TestContext) => {
  const large = Buffer.allocUnsafeSlow(65_536)
  freeMemory([large])
  t.assert.strictEqual(large.length, 0)
})

test('gives the memory back without waiting for the garbage collector', (t: TestContext) => {
  const before = process.memoryUsage().arrayBuffers
  const large = Array.from({ length: 64 }, () => Buffer.allocUnsafeSlow(1_048_576))
  freeMemory(large)
  t.assert.ok(process.memoryUsage().arrayBuffers - before < 16 * 1_048_576)
})

test('leaves alone what other Buffers may look at', (t: TestContext) => {
  const whole = Buffer.alloc(65_536, 1)
  const view = whole.subarray(0, 65_000)
  const pooled = Buffer.from('x'.repeat(20_000))
  freeMemory([view, pooled])
  t.assert.strictEqual(view.length, 65_000)
  t.assert.strictEqual(whole.length, 65_536)
  t.assert.strictEqual(pooled.length, 20_000)
})

test('takes a Buffer twice, and an empty one', (t: TestContext) => {
  const large = Buffer.allocUnsafeSlow(65_536)
  t.assert.doesNotThrow(() => freeMemory([large, large, Buffer.alloc(0)]))
})
