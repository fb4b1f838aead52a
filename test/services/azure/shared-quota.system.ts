import { describe, type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { createRateLimiter, type RateLimiter } from '../../../services/azure/rate-limiter.ts'
import { shareDeployment } from '../../../services/azure/shared-deployment.ts'
import type { RedisConnection } from '../../../services/databases/redis.ts'
import { connectTo, type RedisServer, startRedis } from '../../support/redis.ts'
import { waitFor } from '../../support/wait-for.ts'

const address = { baseUrl: 'https://one.openai.azure.com', deployment: 'images' }
const requestsPerMinute = 60

interface Replica {
  redis: RedisConnection
  limiter: RateLimiter
}

interface Options {
  minuteMs: number
  requestsPerMinute?: number
  maxWaiting?: number
  address?: typeof address
}

/** Limiters with a connection each, as in so many processes. The minute's interval is 1.05 × `minuteMs` / 60. */
async function replicas(t: TestContext, server: RedisServer, count: number, options: Options): Promise<Replica[]> {
  const made = Array.from({ length: count }, async () => {
    const redis = await connectTo(t, server)
    const shared = shareDeployment(redis, options.address ?? address)
    const limiter = createRateLimiter({ requestsPerMinute, maxWaiting: 1_000, ...options, shared })
    t.after(() => limiter.close())
    return { redis, limiter }
  })
  return Promise.all(made)
}

interface Start {
  replica: number
  caller: string
  at: number
}

/** Records when calls start. */
function recorder(t: TestContext, all: readonly Replica[]) {
  const starts: Start[] = []
  const aborted = new AbortController()
  t.after(() => aborted.abort())
  async function call(replica: number, caller = 'ann', headers: Record<string, string> | undefined = undefined) {
    const limiter = all[replica]?.limiter
    const deadlineAt = performance.now() + 1_000_000
    await limiter?.acquire({ caller, signal: aborted.signal, deadlineAt, waitUntil: deadlineAt })
    starts.push({ replica, caller, at: performance.now() })
    limiter?.release(headers, false)
  }
  const calls = (count: number, replica: number, caller?: string) =>
    Array.from({ length: count }, () => call(replica, caller).catch(() => {}))
  const gaps = () => starts.slice(1).map(({ at }, index) => at - (starts[index]?.at ?? 0))
  return { starts, call, calls, gaps }
}

/** An interval of 420 ms: a busy machine delays a start by less, as a rule. */
const MINUTE_MS = 24_000
/** Every second turn would be wasted. */
const WASTED_MS = 820

const average = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

describe('one limiter for all replicas', () => {
  test('requests of all replicas start one interval apart, and each replica gets its share', async (t: TestContext) => {
    const all = await replicas(t, await startRedis(t), 3, { minuteMs: MINUTE_MS })
    const { starts, calls, gaps } = recorder(t, all)
    await Promise.all([0, 1, 2].flatMap((replica) => calls(9, replica)))
    t.assert.equal(starts.length, 27)
    // After a start that was delayed the next one seems early; replicas that did not agree would start 2 of 3 early.
    const close = gaps().filter((gap) => gap < 320)
    t.assert.ok(close.length <= 8, `gaps ${gaps().map(Math.round)}`)
    t.assert.ok(average(gaps()) >= 410 && average(gaps()) < WASTED_MS, `average gap ${average(gaps())}`)
    // While all of them wait, none is served twice before another.
    const early = starts.slice(0, 21)
    for (const replica of [0, 1, 2]) {
      const count = early.filter((start) => start.replica === replica).length
      t.assert.ok(count >= 4 && count <= 10, `replica ${replica} started ${count} of 21`)
    }
  })

  test('a caller with 10 calls on one replica has its last turn after about 30, beside 90 and 200', async (t: TestContext) => {
    const all = await replicas(t, await startRedis(t), 3, { minuteMs: 3_000 })
    const { starts, calls } = recorder(t, all)
    for (const replica of [0, 1, 2]) void calls(30, replica, 'ben')
    for (const replica of [0, 1, 2]) void calls(66, replica, 'cat')
    await Promise.all(calls(10, 1, 'ann'))
    const last = starts.findLastIndex(({ caller }) => caller === 'ann')
    // In order of arrival it would be about the 200th.
    t.assert.ok(last <= 60, `turn ${last}`)
  })

  test('a wait that Azure names to one replica holds all', async (t: TestContext) => {
    const all = await replicas(t, await startRedis(t), 3, { minuteMs: 12_000 })
    const { starts, calls } = recorder(t, all)
    const running = [0, 1, 2].flatMap((replica) => calls(8, replica))
    await waitFor('some calls', () => starts.length >= 6)
    const before = starts.length
    const pausedAt = performance.now()
    all[1]?.limiter.pause(1_500)
    await Promise.all(running)
    // What started in the same moment was sent before the others could know.
    const early = starts.filter(({ at }) => at > pausedAt && at < pausedAt + 1_450)
    t.assert.ok(early.length <= 2, `${early.map(({ at }) => Math.round(at - pausedAt))}`)
    t.assert.equal(starts.length, 24)
    t.assert.ok(before < 24)
  })

  test('a quota that Azure reports to one replica is the quota of all', async (t: TestContext) => {
    const all = await replicas(t, await startRedis(t), 3, { minuteMs: 60_000 })
    const { starts, call, calls } = recorder(t, all)
    await call(0, 'ann', { 'x-ratelimit-limit-requests': '600' })
    const startedAt = performance.now()
    await Promise.all([1, 2].flatMap((replica) => calls(15, replica)))
    // 30 calls take 3 s at 600 requests per minute, and half a minute at 60.
    t.assert.ok(performance.now() - startedAt < 25_000, `${performance.now() - startedAt} ms`)
    t.assert.equal(starts.length, 31)
  })

  test('while the quota is unknown, all replicas together start a few requests, which count once it is known', async (t: TestContext) => {
    const server = await startRedis(t)
    const all = await Promise.all(
      [0, 1, 2].map(async () => {
        const redis = await connectTo(t, server)
        const limiter = createRateLimiter({ maxWaiting: 100, minuteMs: 6_000, shared: shareDeployment(redis, address) })
        t.after(() => limiter.close())
        return { redis, limiter }
      }),
    )
    const starts: number[] = []
    const aborted = new AbortController()
    const deadlineAt = performance.now() + 100_000
    const waiting = [0, 1, 2, 0, 1, 2, 0, 1, 2].map(async (replica) => {
      await all[replica]?.limiter.acquire({ caller: 'ann', signal: aborted.signal, deadlineAt, waitUntil: deadlineAt })
      starts.push(performance.now())
    })
    const settled = Promise.allSettled(waiting)
    await waitFor('the first calls', () => starts.length === 4)
    await wait(500)
    t.assert.equal(starts.length, 4)
    all[0]?.limiter.release({ 'x-ratelimit-limit-requests': '10' }, false)
    await waitFor('a fifth call', () => starts.length === 5)
    const [first = 0] = starts
    const fifth = starts.at(-1) ?? 0
    // Four intervals of 630 ms.
    t.assert.ok(fifth - first > 2_000, `${fifth - first} ms`)
    aborted.abort()
    await settled
  })

  test('the expected wait counts the calls of other replicas', async (t: TestContext) => {
    const all = await replicas(t, await startRedis(t), 2, { minuteMs: 60_000 })
    const { calls, starts } = recorder(t, all)
    void calls(20, 0, 'ann')
    void calls(20, 0, 'ben')
    await waitFor('the first call', () => starts.length > 0)
    const turns = () => Math.round((all[1]?.limiter.estimateMs('new') ?? 0) / 1_050)
    await waitFor('the other replica to know', () => turns() >= 2)
    // One turn of each other caller, and the rest of the interval.
    t.assert.ok(turns() <= 3, `${turns()} turns`)
  })

  test('replicas that call different resources by the same name do not share', async (t: TestContext) => {
    const server = await startRedis(t)
    const [one] = await replicas(t, server, 1, { minuteMs: 60_000 })
    const other = { ...address, baseUrl: 'https://two.openai.azure.com' }
    const [two] = await replicas(t, server, 1, { minuteMs: 60_000, address: other })
    one?.limiter.pause(60_000)
    const { starts, call } = recorder(t, two === undefined ? [] : [two])
    await call(0)
    t.assert.equal(starts.length, 1)
    t.assert.equal(two?.limiter.pausedMs(), 0)
  })

  test('a call that must not wait starts if it can, and is rejected at once if it cannot', async (t: TestContext) => {
    const all = await replicas(t, await startRedis(t), 2, { minuteMs: 60_000, maxWaiting: 0 })
    const acquire = async (limiter: RateLimiter | undefined) => {
      const now = performance.now()
      const signal = AbortSignal.timeout(60_000)
      await limiter?.acquire({ caller: 'ann', signal, deadlineAt: now + 60_000, waitUntil: now })
    }
    await acquire(all[0]?.limiter)
    const startedAt = performance.now()
    await t.assert.rejects(acquire(all[0]?.limiter), { code: 'IMG_ERR_AZURE_BUSY' })
    t.assert.ok(performance.now() - startedAt < 15_000)
    // The other replica may not know yet that the turn is taken.
    await t.assert.rejects(acquire(all[1]?.limiter), { code: 'IMG_ERR_AZURE_BUSY' })
    t.assert.ok(performance.now() - startedAt < 30_000)
  })

  test('a replica that vanishes while it is the next holds up no other', async (t: TestContext) => {
    const all = await replicas(t, await startRedis(t), 3, { minuteMs: 6_000 })
    const { starts, calls } = recorder(t, all)
    for (const replica of [0, 1]) void calls(100, replica, 'much')
    await waitFor('some calls', () => starts.length >= 10)
    void calls(20, 2, 'new')
    await waitFor('its first call', () => starts.some(({ caller }) => caller === 'new'))
    all[2]?.redis.client.disconnect()
    all[2]?.limiter.close()
    starts.length = 0
    await waitFor('further calls', () => starts.filter(({ replica }) => replica !== 2).length >= 30)
    // It is an eighth of the interval late, at most, until it is no longer expected; otherwise all would wait five seconds for it.
    const others = starts.filter(({ replica }) => replica !== 2).map(({ at }) => at)
    const apart = others.slice(1).map((at, index) => Math.round(at - (others[index] ?? 0)))
    t.assert.ok(Math.max(...apart) < 4_500, `${apart}`)
  })

  test('neither a clock that is set back nor an emptied Redis keeps anyone waiting', async (t: TestContext) => {
    const server = await startRedis(t)
    const all = await replicas(t, server, 2, { minuteMs: 6_000 })
    const { client } = await connectTo(t, server)
    const { call, calls, starts } = recorder(t, all)
    await call(0)
    const [key = ''] = await client.keys('azure-image-editor:azure:*:state')
    await client.hset(key, 'next', Date.now() + 86_400_000)
    const running = [...calls(10, 0), ...calls(10, 1)]
    await waitFor('some calls', () => starts.length >= 8)
    await client.flushall()
    await Promise.all(running)
    t.assert.equal(starts.length, 21)
  })

  test('everything in Redis ends by itself', async (t: TestContext) => {
    const server = await startRedis(t)
    const all = await replicas(t, server, 2, { minuteMs: 600 })
    const { calls, call } = recorder(t, all)
    await Promise.all([...calls(4, 0), ...calls(4, 1)])
    await call(0, 'ann', { 'x-ratelimit-limit-requests': '90' })
    const client = (await connectTo(t, server)).client
    const keys = await client.keys('azure-image-editor:azure:*')
    t.assert.ok(keys.length >= 3, keys.join(' '))
    for (const key of keys) {
      t.assert.match(key, /:\{[\w-]{16}\}:/)
      t.assert.ok((await client.pttl(key)) > 0, key)
    }
  })
})

describe('a Redis in trouble', () => {
  test('one that hangs: each replica keeps to its share, and they agree again when it is back', async (t: TestContext) => {
    const server = await startRedis(t)
    const all = await replicas(t, server, 3, { minuteMs: MINUTE_MS })
    const { starts, calls, gaps } = recorder(t, all)
    await Promise.all([0, 1, 2].flatMap((replica) => calls(1, replica)))
    server.child.kill('SIGSTOP')
    const stoppedAt = performance.now()
    await Promise.all([0, 1, 2].flatMap((replica) => calls(5, replica)))
    const meanwhile = starts.filter(({ at }) => at > stoppedAt)
    t.assert.equal(meanwhile.length, 15)
    // The first waits for half a second; then 15 calls take what they take together.
    const spentMs = (meanwhile.at(-1)?.at ?? 0) - (meanwhile[0]?.at ?? 0)
    t.assert.ok(spentMs > 11 * 420 && spentMs < 33 * 420, `${spentMs} ms`)
    for (const replica of [0, 1, 2]) {
      const own = meanwhile.filter((start) => start.replica === replica).map(({ at }) => at)
      const apart = own.slice(1).map((at, index) => at - (own[index] ?? 0))
      t.assert.ok(Math.min(...apart) >= 800, `replica ${replica}: ${apart.map(Math.round)}`)
    }
    server.child.kill('SIGCONT')
    await waitFor('Redis', () => all.every(({ redis }) => redis.isUsable))
    starts.length = 0
    await Promise.all([0, 1, 2].flatMap((replica) => calls(4, replica)))
    t.assert.ok(average(gaps()) > 360 && average(gaps()) < WASTED_MS, `average gap ${average(gaps())}`)
  })

  test('one that is restarted empty: the rate is known to the replicas', async (t: TestContext) => {
    const server = await startRedis(t)
    const all = await replicas(t, server, 2, { minuteMs: 60_000 })
    const { call, calls, starts, gaps } = recorder(t, all)
    await call(0, 'ann', { 'x-ratelimit-limit-requests': '150' })
    await waitFor('the other replica to know', async () => {
      await call(1)
      return (all[1]?.limiter.estimateMs() ?? 1_000) < 480
    })
    server.child.kill('SIGKILL')
    await waitFor('the loss to be noticed', () => all.every(({ redis }) => !redis.isUsable))
    await startRedis(t, { port: server.port })
    await waitFor('Redis', () => all.every(({ redis }) => redis.isUsable))
    starts.length = 0
    await Promise.all([...calls(6, 0), ...calls(6, 1)])
    t.assert.ok(average(gaps()) > 360 && average(gaps()) < WASTED_MS, `average gap ${average(gaps())}`)
  })

  test('without it at the start, calls go on, and replicas agree once it is there', async (t: TestContext) => {
    const server = await startRedis(t)
    server.child.kill('SIGKILL')
    const { connectRedis } = await import('../../../services/databases/redis.ts')
    const { silent } = await import('../../support/calls.ts')
    const redis = connectRedis(server.url, silent)
    t.after(() => redis.close())
    const limiter = createRateLimiter({
      ...{ requestsPerMinute, maxWaiting: 10, minuteMs: 600 },
      shared: shareDeployment(redis, address),
    })
    t.after(() => limiter.close())
    const { call, starts } = recorder(t, [{ redis, limiter }])
    await call(0)
    t.assert.equal(starts.length, 1)
    await startRedis(t, { port: server.port })
    await waitFor('Redis', () => redis.isUsable)
    await call(0)
    const { client } = await connectTo(t, server)
    await waitFor('its state', async () => (await client.keys('azure-image-editor:azure:*')).length > 0)
  })
})
