import { type TestContext, test } from 'node:test'
import { cachePromise } from '../../../services/net/cached-promise.ts'

function setUp() {
  const world = { now: 0, asked: 0, fails: false }
  const response = cachePromise(
    async () => {
      const nth = ++world.asked
      if (world.fails) throw new Error('it failed')
      return nth
    },
    100,
    () => world.now,
  )
  return { world, response }
}

test('concurrent calls, and calls within the TTL, share one result', async (t: TestContext) => {
  const { world, response } = setUp()
  t.assert.deepEqual(await Promise.all([response(), response(), response()]), [1, 1, 1])
  world.now = 99
  t.assert.equal(await response(), 1)
  world.now = 100
  t.assert.deepEqual(await Promise.all([response(), response()]), [2, 2])
})

test('a rejection reaches all concurrent callers and is not cached', async (t: TestContext) => {
  const { world, response } = setUp()
  world.fails = true
  const both = await Promise.allSettled([response(), response()])
  t.assert.deepEqual(
    both.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  world.fails = false
  t.assert.equal(await response(), 2)
})
