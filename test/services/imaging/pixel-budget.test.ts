import { type TestContext, test } from 'node:test'
import { createPixelBudget } from '../../../services/imaging/pixel-budget.ts'
import { claimOf } from '../../support/images/pixel-claims.ts'

/** A job that ends on demand. */
function chunk() {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { work: () => promise, end: resolve }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('work beyond the memory or the slots waits, and starts when there is room', async (t: TestContext) => {
  const budget = createPixelBudget({ maxBytes: 100, slots: 2 })
  const [first, second, third] = [chunk(), chunk(), chunk()]
  const started: string[] = []
  const run = (name: string, bytes: number, { work }: { work: () => Promise<void> }) =>
    budget.run(bytes, claimOf({ caller: name }), () => {
      started.push(name)
      return work()
    })
  const all = [run('a', 60, first), run('b', 60, second), run('c', 10, third)]
  await turn()
  t.assert.deepStrictEqual([started, budget.usedBytes, budget.waiting], [['a'], 60, 2])
  first.end()
  await turn()
  t.assert.deepStrictEqual([started, budget.usedBytes, budget.waiting], [['a', 'b', 'c'], 70, 0])
  second.end()
  third.end()
  await Promise.all(all)
  t.assert.strictEqual(budget.usedBytes, 0)
})

test('no job overtakes one that waits for memory', async (t: TestContext) => {
  const budget = createPixelBudget({ maxBytes: 100, slots: 9 })
  const small = chunk()
  const started: string[] = []
  const run = (caller: string, bytes: number) =>
    budget.run(bytes, claimOf({ caller }), async () => {
      started.push(caller)
    })
  const holding = budget.run(30, claimOf({ caller: 'holder' }), small.work)
  const all = [run('large', 100), run('later', 10)]
  await turn()
  t.assert.deepStrictEqual(started, [])
  small.end()
  await Promise.all([holding, ...all])
  t.assert.deepStrictEqual(started, ['large', 'later'])
})

test('one caller gets half of the memory, and turns go round the callers', async (t: TestContext) => {
  const budget = createPixelBudget({ maxBytes: 100, slots: 3 })
  const chunks = [chunk(), chunk(), chunk()]
  const started: string[] = []
  const run = (caller: string, name: string, { work }: { work: () => Promise<void> }) =>
    budget.run(30, claimOf({ caller }), () => {
      started.push(name)
      return work()
    })
  const done = { work: async () => {} }
  const all = [
    ...chunks.map((one, index) => run('greedy', `greedy ${index}`, one)),
    run('other', 'other 0', done),
    run('other', 'other 1', done),
  ]
  await turn()
  t.assert.deepStrictEqual(started, ['greedy 0', 'other 0', 'other 1'])
  for (const { end } of chunks) end()
  await Promise.all(all)
  t.assert.deepStrictEqual(started.slice(3), ['greedy 1', 'greedy 2'])
  const alone = await budget.run(90, claimOf(), async () => 'a single image may take more')
  t.assert.strictEqual(alone, 'a single image may take more')
})

test('who waits is let go by its signal or deadline, and who stood behind moves up', async (t: TestContext) => {
  const budget = createPixelBudget({ maxBytes: 100, slots: 9 })
  const holder = chunk()
  const holding = budget.run(60, claimOf({ caller: 'holder' }), holder.work)
  const disconnected = new AbortController()
  const abandoned = budget.run(60, claimOf({ caller: 'a', signal: disconnected.signal }), async () => {})
  const late = budget.run(60, claimOf({ caller: 'b', deadlineAt: performance.now() + 30 }), async () => {})
  const small = budget.run(10, claimOf({ caller: 'c' }), async () => 'moved up')
  disconnected.abort()
  await t.assert.rejects(abandoned, { code: 'IMG_ERR_CANCELLED' })
  await t.assert.rejects(late, { code: 'IMG_ERR_AZURE_NOT_SENT' })
  t.assert.strictEqual(await small, 'moved up')
  holder.end()
  await holding
  t.assert.deepStrictEqual([budget.usedBytes, budget.waiting], [0, 0])
})

test('a failed job releases its reservation', async (t: TestContext) => {
  const budget = createPixelBudget({ maxBytes: 100, slots: 1 })
  const failing = budget.run(100, claimOf(), async () => {
    throw new Error('broken')
  })
  await t.assert.rejects(failing, /broken/)
  t.assert.strictEqual(await budget.run(100, claimOf(), async () => 'done'), 'done')
})

test('one caller gets half of the slots, so that another starts at once', async (t: TestContext) => {
  const budget = createPixelBudget({ maxBytes: 100, slots: 4 })
  const chunks = Array.from({ length: 8 }, chunk)
  const started: string[] = []
  const run = (caller: string, { work }: { work: () => Promise<void> }) =>
    budget.run(1, claimOf({ caller }), () => {
      started.push(caller)
      return work()
    })
  const greedy = chunks.map((one) => run('greedy', one))
  await turn()
  t.assert.deepStrictEqual(started, ['greedy', 'greedy'])
  await run('honest', { work: async () => {} })
  t.assert.deepStrictEqual(started, ['greedy', 'greedy', 'honest'])
  for (const { end } of chunks) end()
  await Promise.all(greedy)
})

test('retained memory delays new jobs, but a job that would run alone always starts', async (t: TestContext) => {
  const budget = createPixelBudget({ maxBytes: 100, slots: 9 })
  const release = budget.retain(50)
  t.assert.strictEqual(await budget.run(90, claimOf({ caller: 'a' }), async () => 'alone'), 'alone')
  const holder = chunk()
  const started: string[] = []
  const holding = budget.run(40, claimOf({ caller: 'a' }), holder.work)
  const waiting = budget.run(40, claimOf({ caller: 'b' }), async () => {
    started.push('b')
  })
  await turn()
  t.assert.deepStrictEqual([started, budget.retainedBytes], [[], 50])
  release()
  await turn()
  t.assert.deepStrictEqual([started, budget.retainedBytes], [['b'], 0])
  holder.end()
  await Promise.all([holding, waiting])
})
