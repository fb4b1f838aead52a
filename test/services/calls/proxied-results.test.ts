import { describe, type TestContext, test } from 'node:test'
import { MINUTE, note, startAbandonedResults } from '../../support/abandoned-calls.ts'

/** The rule of results that a proxy took whole: only the client can say that it has none. */

const args = { prompt: 'a' }
const first = { isRetry: false }
const retry = { isRetry: true }

async function start(t: TestContext, options: Parameters<typeof startAbandonedResults>[1] = {}) {
  const started = await startAbandonedResults(t, options)
  /** A call whose response a proxy took. */
  async function proxied(says: { isRetry?: boolean; caller?: string } = first, text = 'image', of: object = args) {
    const call = started.call(of, says)
    call.finish(text)
    const taken = await call.read()
    call.advance({ state: 'sent' })
    call.advance({ state: 'settling' })
    call.advance({ state: 'delivered', proof: 'proxy' })
    return taken
  }
  return { ...started, proxied }
}

describe('a result that a proxy took', () => {
  test('is for the identical call that says it is a retry, again and again', async (t: TestContext) => {
    const { proxied, world } = await start(t)
    await proxied()
    for (let n = 0; n < 2; n++) {
      const { images, text } = await proxied(retry, 'another')
      t.assert.deepEqual(images, ['image'])
      t.assert.match(text, note)
    }
    t.assert.equal(world.paid, 1)
  })

  test('is not for an identical call that is none, or does not say', async (t: TestContext) => {
    const { proxied, world } = await start(t)
    await proxied(first, 'one')
    t.assert.deepEqual((await proxied(first, 'two')).images, ['two'])
    t.assert.deepEqual((await proxied({}, 'three')).images, ['three'])
    t.assert.equal(world.paid, 3)
  })

  test('is not kept for a client that never says', async (t: TestContext) => {
    const { proxied, world, abandonedResults } = await start(t)
    await proxied({})
    t.assert.equal(abandonedResults.waiting, 0)
    t.assert.deepEqual((await proxied(retry, 'two')).images, ['two'])
    t.assert.equal(world.paid, 2)
  })

  test('is not for another caller or argument', async (t: TestContext) => {
    const { proxied, world } = await start(t)
    await proxied()
    await proxied({ ...retry, caller: 'key:bob' })
    await proxied(retry, 'image', { prompt: 'b' })
    t.assert.equal(world.paid, 3)
  })

  test('is kept for a minute, and dropped at the end without a word', async (t: TestContext) => {
    const { proxied, world, abandonedResults, proofs, events } = await start(t)
    await proxied()
    world.monotonic = MINUTE
    await proxied(retry, 'new')
    t.assert.equal(world.paid, 2)
    t.assert.equal(abandonedResults.waiting, 1)
    t.assert.deepEqual(proofs, ['proxy', 'proxy'])
    t.assert.deepEqual(events, [])
  })

  test('is the newest of several', async (t: TestContext) => {
    const { proxied, world } = await start(t)
    await proxied(first, 'one')
    await proxied(first, 'two')
    t.assert.deepEqual((await proxied(retry)).images, ['two'])
    t.assert.equal(world.paid, 2)
  })

  test('is not taken while an identical call runs, which the retry may mean', async (t: TestContext) => {
    const { call, proxied, world } = await start(t)
    await proxied(first, 'one')
    const running = call(args, first)
    t.assert.deepEqual((await proxied(retry, 'three')).images, ['three'])
    running.finish('two')
    await running.take()
    t.assert.equal(world.paid, 3)
  })

  test('yields to one that was abandoned since', async (t: TestContext) => {
    const { call, proxied, world, seen } = await start(t)
    await proxied(first, 'one')
    const cut = call(args, first)
    cut.disconnect()
    cut.finish('two')
    await seen('stored')
    t.assert.deepEqual((await proxied(retry, 'three')).images, ['two'])
    t.assert.equal(world.paid, 2)
  })

  test('is stored when the client of its retry disconnects', async (t: TestContext) => {
    const { call, proxied, world, seen } = await start(t)
    await proxied()
    const again = call(args, retry)
    await again.response
    again.disconnect()
    await seen('stored')
    t.assert.deepEqual((await call(args).take()).images, ['image'])
    t.assert.equal(world.paid, 1)
  })

  test('gives way to results of clients that are gone', async (t: TestContext) => {
    const { proxied, abandoned, abandonedResults, events, call, world } = await start(t, { maxEntries: 1 })
    await abandoned({ prompt: 'b' }, 'gone')
    await proxied()
    t.assert.equal(abandonedResults.waiting, 1)
    t.assert.ok(!events.includes('evicted'))
    t.assert.deepEqual((await call({ prompt: 'b' }).take()).images, ['gone'])
    t.assert.equal(world.paid, 2)
  })

  test('leaves no file', async (t: TestContext) => {
    const { proxied, abandonedResults, files } = await start(t)
    await proxied()
    await abandonedResults.close()
    t.assert.deepEqual(await files(), [])
  })
})
