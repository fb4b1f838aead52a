import { describe, type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { note, startAbandonedResults } from '../../support/abandoned-calls.ts'
import { waitFor } from '../../support/wait-for.ts'

describe('a delivered call', () => {
  test('leaves nothing, and its twin is made and paid for separately', async (t: TestContext) => {
    const { call, world, abandonedResults, files } = await startAbandonedResults(t)
    for (const paid of [1, 2]) {
      const one = call()
      one.finish(`image ${paid}`)
      const { text, images } = await one.take()
      t.assert.deepEqual(images, [`image ${paid}`])
      t.assert.doesNotMatch(text, note)
      one.disconnect()
      t.assert.equal(world.paid, paid)
    }
    t.assert.equal(abandonedResults.waiting, 0)
    t.assert.deepEqual(await files(), [])
  })

  test('is independent of a twin that runs at the same time', async (t: TestContext) => {
    const { call, world } = await startAbandonedResults(t)
    const [first, second] = [call(), call()]
    first.finish('one')
    second.finish('two')
    t.assert.deepEqual((await first.take()).images, ['one'])
    t.assert.deepEqual((await second.take()).images, ['two'])
    t.assert.equal(world.paid, 2)
  })
})

describe('a call whose client disconnects', () => {
  for (const [when, order] of [
    ['while it runs', ['disconnect', 'finish']],
    ['when it is finished, before its last byte', ['finish', 'disconnect']],
  ] as const) {
    test(`${when}: the identical call receives its image once, with a note`, async (t: TestContext) => {
      const { call, world, seen, files } = await startAbandonedResults(t)
      const first = call({ prompt: 'a', size: '1x1' })
      for (const step of order) {
        first[step]('the image')
        await turn()
      }
      await seen('stored')
      t.assert.equal((await files()).length, 1)

      const retry = call({ size: '1x1', prompt: 'a' })
      const { text, images } = await retry.take()
      t.assert.deepEqual(images, ['the image'])
      t.assert.match(text, /^Image successfully generated\.\n/)
      t.assert.match(text, note)
      t.assert.equal(world.paid, 1)
      await seen('received')
      await waitFor('the removal of all result files', async () => (await files()).length === 0)

      const third = call({ prompt: 'a', size: '1x1' })
      third.finish('another')
      t.assert.deepEqual((await third.take()).images, ['another'])
      t.assert.equal(world.paid, 2)
    })
  }

  test('is joined by the identical call while it runs', async (t: TestContext) => {
    const { call, world } = await startAbandonedResults(t)
    const first = call()
    first.disconnect()
    const retry = call()
    first.finish('late')
    const { text, images } = await retry.take()
    t.assert.deepEqual(images, ['late'])
    t.assert.match(text, note)
    t.assert.equal(world.paid, 1)
  })

  test('is joined by an identical call that came a moment before the disconnect', async (t: TestContext) => {
    const { call, world } = await startAbandonedResults(t)
    const first = call()
    const retry = call()
    await turn()
    first.disconnect()
    await turn()
    first.finish('the image')
    t.assert.deepEqual((await retry.take()).images, ['the image'])
    t.assert.equal(world.paid, 1)
  })

  test('is joined also just after its response was sent, although the other connection is older', async (t: TestContext) => {
    const { call, world } = await startAbandonedResults(t)
    const first = call()
    first.finish('the image')
    await first.read()
    first.advance({ state: 'sent' })
    const retry = call()
    first.advance({ state: 'abandoned' })
    t.assert.deepEqual((await retry.take()).images, ['the image'])
    t.assert.equal(world.paid, 1)
  })

  test('is not awaited if several identical calls run, which are then intended', async (t: TestContext) => {
    const { call, world } = await startAbandonedResults(t)
    const calls = Array.from({ length: 4 }, () => call())
    t.assert.equal(world.paid, 3)
    for (const one of calls) one.finish()
    for (const one of calls) t.assert.equal((await one.take()).images.length, 1)
    t.assert.equal(world.paid, 4)
  })

  test('is joined by the third call if the second disconnects too', async (t: TestContext) => {
    const { call, world, abandonedResults, files } = await startAbandonedResults(t)
    const first = call()
    first.disconnect()
    const second = call()
    second.disconnect()
    const third = call()
    first.finish('late')
    t.assert.deepEqual((await third.take()).images, ['late'])
    t.assert.deepEqual((await second.take()).images, [])
    t.assert.equal(world.paid, 1)
    t.assert.equal(abandonedResults.waiting, 0)
    await waitFor('the removal of all result files', async () => (await files()).length === 0)
  })

  test('is stored if all clients that joined it disconnect before its end', async (t: TestContext) => {
    const { call, world, seen } = await startAbandonedResults(t)
    const first = call()
    first.disconnect()
    call().disconnect()
    call().disconnect()
    first.finish('late')
    await seen('stored')
    t.assert.deepEqual((await call().take()).images, ['late'])
    t.assert.equal(world.paid, 1)
  })

  test('is stored again if the retry disconnects too', async (t: TestContext) => {
    const { call, abandoned, world } = await startAbandonedResults(t)
    await abandoned()
    for (let n = 0; n < 3; n++) {
      const retry = call()
      await retry.response
      retry.disconnect()
    }
    t.assert.deepEqual((await call().take()).images, ['image'])
    t.assert.equal(world.paid, 1)
  })

  test('is not for another caller, tool or argument', async (t: TestContext) => {
    const { call, abandoned, world } = await startAbandonedResults(t)
    await abandoned({ prompt: 'a', list: ['b', 'c'] })
    const strangers = [
      call({ prompt: 'a', list: ['b', 'c'] }, { caller: 'key:bob' }),
      call({ prompt: 'b', list: ['b', 'c'] }),
      call({ prompt: 'a', list: ['bc'] }),
      call({ prompt: 'a', list: ['b', 'c'], extra: null }),
    ]
    t.assert.equal(world.paid, 1 + strangers.length)
    for (const stranger of strangers) stranger.finish('own')
    for (const stranger of strangers) t.assert.deepEqual((await stranger.take()).images, ['own'])
  })

  test('is one of two twins for two retries', async (t: TestContext) => {
    const { call, abandoned, world } = await startAbandonedResults(t)
    await abandoned({ prompt: 'a' }, 'one')
    const second = call({ prompt: 'b' })
    second.disconnect()
    second.finish('two')
    t.assert.deepEqual((await call({ prompt: 'b' }).take()).images, ['two'])
    t.assert.deepEqual((await call({ prompt: 'a' }).take()).images, ['one'])
    t.assert.equal(world.paid, 2)
  })

  test('leaves nothing if it failed, and the retry is a new call', async (t: TestContext) => {
    const { call, world, abandonedResults } = await startAbandonedResults(t)
    const first = call()
    first.disconnect()
    first.fail()
    await t.assert.rejects(first.response)
    await waitFor('the failed call to be forgotten', () => abandonedResults.waiting === 0)
    const retry = call()
    retry.finish('new')
    t.assert.deepEqual((await retry.take()).images, ['new'])
    t.assert.equal(world.paid, 2)
  })
})
