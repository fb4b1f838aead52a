import { type TestContext, test } from 'node:test'
import { createBufferPool, MIN_POOLED_BYTES, pooledSize } from '../../../services/bytes/buffer-pool.ts'

test('reuses memory of the same size, and empties the views of its earlier owner', (t: TestContext) => {
  const pool = createBufferPool()
  const first = pool.acquire(1000)
  first.bytes.fill('x')
  const view = first.bytes.subarray(10)
  first[Symbol.dispose]()
  const second = pool.acquire(2000)
  t.assert.deepEqual([first.bytes.length, view.length], [0, 0])
  t.assert.deepEqual([second.bytes.length, second.bytes[0]], [2000, 'x'.charCodeAt(0)])
})

test('disposing twice does not return memory that has another owner', (t: TestContext) => {
  const pool = createBufferPool()
  const first = pool.acquire(1000)
  first[Symbol.dispose]()
  const second = pool.acquire(1000)
  first[Symbol.dispose]()
  const third = pool.acquire(1000)
  t.assert.notEqual(second.bytes.buffer, third.bytes.buffer)
  t.assert.equal(second.bytes.length, 1000)
})

test('two pools share no memory', (t: TestContext) => {
  const one = createBufferPool()
  const returned = one.acquire(1000)
  returned.bytes.fill('x')
  returned[Symbol.dispose]()
  t.assert.equal(createBufferPool().acquire(1000).bytes[0], 0)
})

test('takes as much memory as it says', (t: TestContext) => {
  const pool = createBufferPool()
  for (const bytes of [0, 1, MIN_POOLED_BYTES, MIN_POOLED_BYTES + 1, 1_000_000, 20_000_000]) {
    using memory = pool.acquire(bytes)
    t.assert.equal(memory.bytes.length, bytes)
    t.assert.equal(memory.bytes.buffer.byteLength, pooledSize(bytes))
  }
})
