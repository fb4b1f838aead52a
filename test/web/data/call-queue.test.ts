import { describe, type TestContext, test } from 'node:test'
import { createCallQueue } from '../../../web/data/call-queue.ts'

/** A task that ends when it is told to. */
function task() {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const state = { hasStarted: false, end: resolve, fail: reject }
  const run = () => {
    state.hasStarted = true
    return promise
  }
  return Object.assign(state, { run })
}
const turn = () => new Promise(setImmediate)

describe('the queue of calls', () => {
  test('runs so many at once, the newest first', async (t: TestContext) => {
    const queue = createCallQueue(2)
    const tasks = [task(), task(), task(), task()]
    for (const each of tasks) void queue(each.run)
    await turn()
    t.assert.deepStrictEqual(
      tasks.map(({ hasStarted }) => hasStarted),
      [true, true, false, false],
    )
    tasks[0]?.end()
    await turn()
    t.assert.deepStrictEqual(
      tasks.map(({ hasStarted }) => hasStarted),
      [true, true, false, true],
    )
  })

  test('goes on after a failure', async (t: TestContext) => {
    const queue = createCallQueue(1)
    const [bad, good] = [task(), task()]
    const failed = queue(bad.run).catch((error) => error.message)
    void queue(good.run)
    bad.fail(new Error('broken'))
    t.assert.strictEqual(await failed, 'broken')
    await turn()
    t.assert.strictEqual(good.hasStarted, true)
  })

  test('never starts what was aborted before its turn', async (t: TestContext) => {
    const queue = createCallQueue(1)
    const [first, second, third] = [task(), task(), task()]
    const abort = new AbortController()
    void queue(first.run)
    const aborted = queue(second.run, abort.signal).catch((error) => error.name)
    void queue(third.run)
    abort.abort()
    t.assert.strictEqual(await aborted, 'AbortError')
    first.end()
    await turn()
    t.assert.deepStrictEqual([second.hasStarted, third.hasStarted], [false, true])
    await t.assert.rejects(queue(task().run, AbortSignal.abort()), { name: 'AbortError' })
  })
})
