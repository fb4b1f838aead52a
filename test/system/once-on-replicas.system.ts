import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { containerFlags } from '../support/container-flags.ts'
import { gauge } from '../support/gauge.ts'
import { startPostgres } from '../support/postgres.ts'
import { startProcess } from '../support/process.ts'
import { connectTo, startRedis } from '../support/redis.ts'
import { callTool } from '../support/service.ts'
import { key, startSimulator } from '../support/simulator.ts'
import { toolCall } from '../support/system/processes.ts'
import { readiness } from '../support/system/replicas.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

/** Real processes with the flags of the container, real Redis and Postgres: who calls again is never charged again. */

const SERVER_SECRET = 'the same on all replicas, and long enough'
const abandonedNote = /made for your earlier, identical call/
const keyNote = /your earlier call with the same idempotency key; nothing was paid again/

async function startTwo(t: TestContext, environment: Record<string, string> = {}) {
  const { simulator, url } = await startSimulator(t)
  const images = join(await temporaryFolder(t), 'images')
  await mkdir(images)
  const start = () =>
    startProcess(
      t,
      { AZURE_BASE_URL: url, AZURE_API_KEY: key, IMAGES_DIR: images, SERVER_SECRET, ...environment },
      containerFlags({ images }),
    )
  const [one, other] = await Promise.all([start(), start()])
  if (environment.REDIS_URL !== undefined) {
    // Before, each of them counts by itself.
    for (const replica of [one, other]) {
      await waitFor('Redis', async () => (await readiness(replica)).redis === 'connected')
    }
  }
  const explain = () => `${simulator.requests.length}\n${one.log}\n${other.log}`
  const atAzure = (count: number) =>
    waitFor(`${count} requests at Azure`, () => simulator.requests.length >= count, { explain })
  return { simulator, one, other, atAzure }
}

/** A call whose client disconnects when asked to. */
function send(url: string, args: object) {
  const client = new AbortController()
  const response = fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(toolCall('generate_image', args)),
    signal: client.signal,
  })
    .then((received) => received.text())
    .catch(() => 'broken')
  return { response, disconnect: () => client.abort() }
}

const lighthouse = { prompt: 'a lighthouse', size: '256x256' }

async function withRedis(t: TestContext, environment: Record<string, string> = {}) {
  const redis = await startRedis(t)
  return { redis, ...(await startTwo(t, { REDIS_URL: redis.url, IMAGES_SHARED: 'true', ...environment })) }
}

describe('an abandoned call on two replicas', () => {
  for (const LIBRARY of ['on', 'off']) {
    test(`is joined at the other replica while it runs, with LIBRARY=${LIBRARY}`, async (t: TestContext) => {
      const { simulator, one, other, atAzure } = await withRedis(t, { LIBRARY })
      const release = simulator.hold()
      const first = send(one.url, lighthouse)
      await atAzure(1)
      first.disconnect()
      const retry = callTool(other.url, 'generate_image', lighthouse)
      await waitFor('the retry', async () => (await gauge(other, 'tool_calls_in_flight')) === 1)
      release()
      const { text, images } = await retry
      t.assert.match(text, abandonedNote)
      t.assert.equal(images.length, 1)
      t.assert.equal(simulator.requests.length, 1)
    })
  }

  test('is received at the other replica after its end, once, also if two ask at once', async (t: TestContext) => {
    const { simulator, one, other, atAzure } = await withRedis(t)
    const release = simulator.hold()
    const first = send(one.url, lighthouse)
    await atAzure(1)
    first.disconnect()
    release()
    await waitFor('its result', () => /result stored for an identical call/.test(one.log))
    const retries = await Promise.all([one, other].map(({ url }) => callTool(url, 'generate_image', lighthouse)))
    t.assert.deepEqual(
      retries.map(({ images }) => images.length),
      [1, 1],
    )
    t.assert.equal(retries.filter(({ text }) => abandonedNote.test(text)).length, 1)
    t.assert.equal(simulator.requests.length, 2)
  })

  test('is the only one that a killed replica loses: its retry is a new call', async (t: TestContext) => {
    const { redis, simulator, one, other, atAzure } = await withRedis(t)
    simulator.hold()
    const first = send(one.url, lighthouse)
    await atAzure(1)
    first.disconnect()
    const retry = send(other.url, lighthouse)
    const { client } = await connectTo(t, redis)
    await waitFor('the retry to join', async () => {
      const keys = (await client.keys('*{running}*')).filter((name) => !name.endsWith(':replicas'))
      const calls = await Promise.all(keys.map((name) => client.hvals(name)))
      return calls.flat().some((call) => call.includes('claimer'))
    })
    one.child.kill('SIGKILL')
    await waitFor('a call of its own', () => simulator.requests.length >= 2, { limitMs: 120_000 })
    retry.disconnect()
  })

  test('stays at its replica while Redis is away, and nothing is lost', async (t: TestContext) => {
    const { redis, simulator, one, other, atAzure } = await withRedis(t)
    const release = simulator.hold()
    const first = send(one.url, lighthouse)
    await atAzure(1)
    redis.child.kill('SIGKILL')
    first.disconnect()
    release()
    const { text } = await callTool(one.url, 'generate_image', lighthouse)
    t.assert.match(text, abandonedNote)
    const mill = { ...lighthouse, prompt: 'a mill' }
    const releaseMill = simulator.hold()
    const second = send(one.url, mill)
    await atAzure(2)
    second.disconnect()
    releaseMill()
    await waitFor('its result', () => one.log.split('result stored for an identical call').length > 2)
    const collected = await callTool(other.url, 'generate_image', mill)
    t.assert.match(collected.text, abandonedNote)
    t.assert.equal(simulator.requests.length, 2)
  })
})

describe('an idempotency key on two replicas', () => {
  const keyed = { ...lighthouse, idempotency_key: 'k1' }
  const states: readonly [string, (t: TestContext) => Promise<Record<string, string>>][] = [
    ['SQLite on one folder', async () => ({})],
    [
      'Postgres and Redis',
      async (t) => {
        const postgres = await startPostgres()
        t.after(() => postgres[Symbol.asyncDispose]())
        const { url } = await startRedis(t)
        return { REDIS_URL: url, IMAGES_SHARED: 'true', DATABASE_URL: await postgres.createDatabase() }
      },
    ],
  ]
  for (const [name, environment] of states) {
    test(`used at both at the same moment makes one call: ${name}`, async (t: TestContext) => {
      const { simulator, one, other } = await startTwo(t, await environment(t))
      const release = simulator.hold()
      const calls = Promise.all([one, other, one, other].map(({ url }) => callTool(url, 'generate_image', keyed)))
      for (const replica of [one, other]) {
        await waitFor('two calls', async () => (await gauge(replica, 'tool_calls_in_flight')) === 2)
      }
      release()
      const results = await calls
      t.assert.equal(simulator.requests.length, 1)
      for (const { images } of results) t.assert.deepEqual(images, results[0]?.images)
      t.assert.equal(results.filter(({ text }) => keyNote.test(text)).length, 3)
    })

    test(`of a replica that is killed after the request went out is never paid for again: ${name}`, async (t: TestContext) => {
      const { simulator, one, other, atAzure } = await startTwo(t, await environment(t))
      simulator.hold()
      void send(one.url, keyed)
      await atAzure(1)
      one.child.kill('SIGKILL')
      const retry = await callTool(other.url, 'generate_image', keyed)
      t.assert.equal(retry.isError, true)
      t.assert.match(retry.text, /may have been generated and billed/)
      t.assert.equal((await callTool(other.url, 'generate_image', keyed)).isError, true)
      t.assert.equal(simulator.requests.length, 1)
    })

    test(`of a replica that is killed before the request went out goes to the next call: ${name}`, async (t: TestContext) => {
      const limits = { AZURE_REQUESTS_PER_MINUTE: '1' }
      const { simulator, one, other, atAzure } = await startTwo(t, { ...(await environment(t)), ...limits })
      void send(one.url, { prompt: 'the first of the minute', size: '256x256' })
      await atAzure(1)
      void send(one.url, keyed)
      await waitFor('the call in the queue', async () =>
        /"waiting":1\b/.test(await (await fetch(`${one.url}/ready`)).text()),
      )
      one.child.kill('SIGKILL')
      const retry = await callTool(other.url, 'generate_image', keyed)
      t.assert.equal(retry.images.length, 1, retry.text)
      t.assert.doesNotMatch(retry.text, keyNote)
      t.assert.equal(simulator.requests.length, 2)
    })
  }
})
