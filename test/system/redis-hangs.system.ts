import { type TestContext, test } from 'node:test'
import { connectRedis } from '../../services/databases/redis.ts'
import { createRedisLimiters } from '../../services/limits/redis-limiters.ts'
import { listen } from '../support/app.ts'
import { fixtureCatalog } from '../support/fixture-catalog.ts'
import { connectTo, startRedis } from '../support/redis.ts'
import { post } from '../support/service.ts'
import { waitFor } from '../support/wait-for.ts'

test('one call at most waits for a Redis that hangs, whatever it counts; later ones count locally', async (t: TestContext) => {
  const redis = await startRedis(t)
  const environment = {
    REDIS_URL: redis.url,
    SERVER_SECRET: 's'.repeat(32),
    RATE_LIMIT_PER_MINUTE: '1000',
    TOOL_CALLS_PER_MINUTE: '1000',
    IMAGES_PER_DAY: '1000',
  }
  const { url, app, logs } = await listen(t, environment, { extendCatalog: () => fixtureCatalog })
  const state = async () => (await app.readiness.report()).body.redis
  await waitFor('Redis', async () => (await state()) === 'connected')
  const call = () =>
    post(
      url,
      JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'echo', arguments: { text: 'x' } },
      }),
    )
  const { client } = await connectTo(t, redis)
  /** The counters in Redis. */
  const counts = async () => {
    const keys = (await client.keys('azure-image-editor:*:*')).filter((key) => /:(requests|calls|images):/.test(key))
    return (await client.mget(keys)).map(Number)
  }
  t.assert.equal((await call()).status, 200)
  t.assert.deepEqual((await counts()).toSorted(), [0, 1, 1])

  redis.child.kill('SIGSTOP')
  const startedAt = performance.now()
  await waitFor('more than one probe', async () => {
    t.assert.equal((await call()).status, 200)
    return performance.now() - startedAt > 5_000
  })
  t.assert.equal(logs.text.split('redis unreachable').length, 2)
  redis.child.kill('SIGCONT')
  await waitFor('Redis', () => logs.text.includes('redis reachable again'))
  // Redis carries out what it was sent meanwhile: the first of the three counters of the first call.
  t.assert.deepEqual((await counts()).toSorted(), [0, 1, 2])
  t.assert.equal((await call()).status, 200)
})

test('limits hold while Redis hangs, and are shared again afterwards', async (t: TestContext) => {
  const redis = await startRedis(t)
  const { log } = (await listen(t)).app
  const replicas = [connectRedis(redis.url, log), connectRedis(redis.url, log)] as const
  t.after(() => replicas.forEach((each) => void each.close()))
  const limiters = replicas.map((each) => createRedisLimiters(each)({ namespace: 'test', points: 3, windowMs: 60_000 }))
  const connected = () =>
    waitFor('Redis', async () => (await Promise.all(replicas.map((each) => each.isResponding()))).every(Boolean))
  const granted = async (key: string) => {
    const results = []
    for (let n = 0; n < 8; n++) results.push(await limiters[n % 2]?.consume(key))
    return results.filter((result) => result?.isExceeded === false).length
  }
  await connected()
  t.assert.equal(await granted('before'), 3)
  redis.child.kill('SIGSTOP')
  t.assert.equal(await granted('meanwhile'), 6)
  redis.child.kill('SIGCONT')
  await connected()
  t.assert.equal(await granted('afterwards'), 3)
})

for (const [name, reason, options] of [
  ['a read-only replica', 'READONLY', ['--replicaof', '127.0.0.1', '9']],
  ['one without memory', 'OOM', ['--maxmemory', '1', '--maxmemory-policy', 'noeviction']],
  ['one that wants a password', 'NOAUTH', ['--requirepass', 'secret']],
  [
    'one whose user must not run scripts',
    'NOPERM',
    ['--user', 'default', 'on', 'nopass', '~*', '&*', '+@all', '-@scripting'],
  ],
] as const) {
  test(`a Redis that responds but cannot count is not used, and why is logged once: ${name}`, async (t: TestContext) => {
    const redis = await startRedis(t, { options })
    const { app, logs } = await listen(t, {
      REDIS_URL: redis.url,
      SERVER_SECRET: 's'.repeat(32),
      RATE_LIMIT_PER_MINUTE: '3',
    })
    await waitFor(reason, () => logs.text.includes(`"reason":"${reason}"`))
    const startedAt = performance.now()
    await waitFor('more than one probe', async () => {
      await app.inject({ method: 'POST', url: '/', payload: { jsonrpc: '2.0', id: 1, method: 'ping' } })
      t.assert.equal((await app.readiness.report()).body.redis, reason === 'OOM' ? 'full' : 'unreachable')
      return performance.now() - startedAt > 5_000
    })
    t.assert.equal(logs.text.split(`"reason":"${reason}"`).length, 2)
    t.assert.doesNotMatch(logs.text, /redis reachable again/)
  })
}
