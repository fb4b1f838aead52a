import { type TestContext, test } from 'node:test'
import { shareAnswer } from '../../../services/library/cached-promise.ts'

function setUp() {
  const world = { now: 0, asked: 0, fails: false }
  const answer = shareAnswer(
    async () => {
      const nth = ++world.asked
      if (world.fails) throw new Error('it failed')
      return nth
    },
    100,
    () => world.now,
  )
  return { world, answer }
}

test('all who ask at a time, and for a while afterwards, share one answer', async (t: TestContext) => {
  const { world, answer } = setUp()
  t.assert.deepEqual(await Promise.all([answer(), answer(), answer()]), [1, 1, 1])
  world.now = 99
  t.assert.equal(await answer(), 1)
  world.now = 100
  t.assert.deepEqual(await Promise.all([answer(), answer()]), [2, 2])
})

test('a failure is everybody’s who asked, and is not kept', async (t: TestContext) => {
  const { world, answer } = setUp()
  world.fails = true
  const both = await Promise.allSettled([answer(), answer()])
  t.assert.deepEqual(
    both.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  world.fails = false
  t.assert.equal(await answer(), 2)
})
