import { describe, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { createRunningCalls } from '../../../services/calls/running-calls.ts'
import type { RedisConnection } from '../../../services/databases/redis.ts'
import { note, startAbandonedResults } from '../../support/abandoned-calls.ts'
import { connectTo, startRedis } from '../../support/redis.ts'
import { waitFor } from '../../support/wait-for.ts'

/** Replicas with one Redis and one folder. */
async function startReplicas(t: TestContext, count = 2) {
  const server = await startRedis(t)
  const replicas: Replica[] = []
  let folder: string | undefined
  for (let n = 0; n < count; n++) {
    const redis = await connectTo(t, server)
    const runningCalls = createRunningCalls(redis)
    t.after(() => runningCalls.close())
    const replica = await startAbandonedResults(t, { ...(folder && { folder }), isFolderShared: true, runningCalls })
    folder = replica.folder
    replicas.push({ ...replica, redis })
  }
  const [one, other, third] = replicas
  if (one === undefined || other === undefined) throw new Error('two replicas at least')
  return {
    server,
    one,
    other,
    third: third ?? other,
    paid: () => replicas.reduce((sum, { world }) => sum + world.paid, 0),
  }
}

type Replica = Awaited<ReturnType<typeof startAbandonedResults>> & { redis: RedisConnection }

async function startCall(replica: Replica) {
  const before = replica.world.paid
  const call = replica.call()
  await waitFor('the call', () => replica.world.paid > before)
  return call
}

/** Resolves when what was sent to Redis before has taken effect there. */
const settled = (replica: Replica) => replica.redis.isResponding()

describe('replicas with one Redis and one folder', () => {
  test('an abandoned call is joined at another replica', async (t: TestContext) => {
    const { one, other, paid } = await startReplicas(t)
    const first = await startCall(one)
    first.disconnect()
    await settled(one)
    const retry = other.call()
    await settled(other)
    t.assert.equal(other.world.paid, 0)
    first.finish('the image')
    const { text, images } = await retry.take()
    t.assert.deepEqual(images, ['the image'])
    t.assert.match(text, note)
    t.assert.equal(paid(), 1)
    await waitFor('the removal of all result files', async () => (await one.files()).length === 0)
  })

  test('of several retries at once one joins it, the others are calls of their own', async (t: TestContext) => {
    const { one, other, third, paid } = await startReplicas(t, 3)
    const first = await startCall(one)
    first.disconnect()
    await settled(one)
    const retries = [other.call(), third.call(), other.call()]
    await waitFor('two calls', () => paid() === 3)
    first.finish('the image')
    for (const retry of retries) retry.finish('another')
    const images = await Promise.all(retries.map(async (retry) => (await retry.take()).images.join()))
    t.assert.deepEqual(images.toSorted(), ['another', 'another', 'the image'])
    t.assert.equal(paid(), 3)
  })

  test('a retry that overtakes the disconnect of its client waits for the news', async (t: TestContext) => {
    const { one, other, paid } = await startReplicas(t)
    const first = await startCall(one)
    await settled(one)
    const retry = other.call()
    await settled(other)
    await settled(other)
    first.disconnect()
    await settled(one)
    first.finish('the image')
    t.assert.deepEqual((await retry.take()).images, ['the image'])
    t.assert.equal(paid(), 1)
  })

  test('calls that are awaited are independent, and are not waited for twice', async (t: TestContext) => {
    const { one, other, paid } = await startReplicas(t)
    const first = await startCall(one)
    await settled(one)
    const startedAt = performance.now()
    const second = other.call()
    second.finish('second')
    t.assert.deepEqual((await second.take()).images, ['second'])
    t.assert.ok(performance.now() - startedAt < 15_000)
    first.finish('first')
    t.assert.deepEqual((await first.take()).images, ['first'])
    t.assert.equal(paid(), 2)
  })

  test('a delivered call leaves nothing in Redis', async (t: TestContext) => {
    const { one } = await startReplicas(t)
    const first = await startCall(one)
    first.finish()
    await first.take()
    await settled(one)
    const keys = await one.redis.client.keys('*running*')
    t.assert.deepEqual(
      keys.filter((key) => !key.endsWith(':replicas')),
      [],
    )
  })

  test('a joined call that fails lets the retry make a call', async (t: TestContext) => {
    const { one, other, paid } = await startReplicas(t)
    const first = await startCall(one)
    first.disconnect()
    await settled(one)
    const retry = other.call()
    await settled(other)
    first.fail()
    retry.finish('another')
    t.assert.deepEqual((await retry.take()).images, ['another'])
    t.assert.equal(paid(), 2)
  })

  test('if the one that joined is cancelled, the next one joins', async (t: TestContext) => {
    const { one, other, third } = await startReplicas(t, 3)
    const first = await startCall(one)
    first.disconnect()
    await settled(one)
    const second = other.call()
    await settled(other)
    await settled(other)
    second.disconnect()
    await pause(50)
    await settled(other)
    const retry = third.call()
    await settled(third)
    await settled(third)
    first.finish('the image')
    t.assert.deepEqual((await retry.take()).images, ['the image'])
    t.assert.equal(one.world.paid + third.world.paid, 1)
  })

  test('without Redis in between each replica knows its own calls, and what was abandoned is still found', async (t: TestContext) => {
    const { server, one, other, paid } = await startReplicas(t)
    const first = await startCall(one)
    server.child.kill('SIGKILL')
    await waitFor('the loss', () => !one.redis.isUsable && !other.redis.isUsable)
    first.disconnect()
    const local = one.call()
    const remote = other.call()
    remote.finish('another')
    t.assert.deepEqual((await remote.take()).images, ['another'])
    first.finish('the image')
    t.assert.deepEqual((await local.take()).images, ['the image'])
    const second = await startCall(one)
    second.disconnect()
    second.finish('second')
    await one.seen('stored', 2)
    t.assert.deepEqual((await other.call().take()).images, ['second'])
    t.assert.equal(paid(), 3)
  })
})
