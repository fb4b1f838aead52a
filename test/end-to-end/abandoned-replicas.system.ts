import { describe, type TestContext, test } from 'node:test'
import { AZURITE_KEY, startAzurite } from '../support/azurite.ts'
import { gauge } from '../support/gauge.ts'
import { startPostgres } from '../support/postgres.ts'
import { startProcess } from '../support/process.ts'
import { connectTo, startRedis } from '../support/redis.ts'
import { callTool } from '../support/service.ts'
import { key, startSimulator } from '../support/simulator.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const note = /made for your earlier, identical call/

/** Processes that have Redis and a container of Blob Storage in common, and no folder. */
async function startReplicas(t: TestContext, environment: Record<string, string>) {
  const { simulator, url } = await startSimulator(t)
  const redis = await startRedis(t)
  const shared = {
    AZURE_BASE_URL: url,
    AZURE_API_KEY: key,
    REDIS_URL: redis.url,
    SERVER_SECRET: 'the same on all replicas, and long enough',
    AZURE_STORAGE_KEY: AZURITE_KEY,
    ...environment,
    LIBRARY_WAIT_MS: '20000',
  }
  const start = async () => await startProcess(t, { ...shared, IMAGES_DIR: await temporaryFolder(t) })
  const [one, other] = [await start(), await start()]

  /** A call at the first one whose client disconnects when it is at Azure. @returns lets Azure generate its image */
  async function abandon(args: object): Promise<() => void> {
    const release = simulator.hold()
    const client = new AbortController()
    const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'generate_image', arguments: args } }
    const before = simulator.requests.length
    void fetch(one.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(message),
      signal: client.signal,
    }).catch(() => {})
    await waitFor('the call at Azure', () => simulator.requests.length > before)
    client.abort()
    return release
  }
  const { client } = await connectTo(t, redis)
  const shelved = () => waitFor('a result in Redis', async () => (await client.keys('*:results:*')).length > 0)
  return { simulator, one, other, abandon, shelved }
}

describe('replicas that share a container and Redis, but no folder', () => {
  test('join, receive and never repeat what a client abandoned at another one', async (t: TestContext) => {
    await using azurite = await startAzurite()
    await using postgres = await startPostgres()
    const { simulator, one, other, abandon, shelved } = await startReplicas(t, {
      AZURE_STORAGE_URL: await azurite.createContainer('images'),
      DATABASE_URL: await postgres.createDatabase(),
    })

    const running = { prompt: 'a fox', size: '256x256', output_path: 'fox.png' }
    const release = await abandon(running)
    const retry = callTool(other.url, 'generate_image', running)
    await waitFor('the retry', async () => (await gauge(other, 'tool_calls_in_flight')) === 1)
    release()
    const joined = await retry
    t.assert.match(joined.text, note)
    t.assert.match(joined.text, /Saved to server at: http.*fox\.png\n/)
    t.assert.match(joined.text, /Image id: img_/)
    t.assert.equal(joined.images.length, 1)
    t.assert.equal(simulator.requests.length, 1)

    const ended = { prompt: 'a mill', size: '256x256' }
    await abandon(ended).then((release) => release())
    await shelved()
    await waitFor('its result', () => one.log.split('result stored for an identical call').length === 3)
    const retries = await Promise.all([other, one].map(({ url }) => callTool(url, 'generate_image', ended)))
    t.assert.equal(retries.filter(({ text }) => note.test(text)).length, 1)
    t.assert.equal(simulator.requests.length, 3)
    for (const { url } of [one, other]) {
      t.assert.doesNotMatch((await callTool(url, 'generate_image', ended)).text, note)
    }
    t.assert.equal(simulator.requests.length, 5)
  })

  test('whose records are not shared: a result that cannot be read at one stays at the other', async (t: TestContext) => {
    await using azurite = await startAzurite()
    const environment = { AZURE_STORAGE_URL: await azurite.createContainer('images') }
    const { simulator, one, other, abandon, shelved } = await startReplicas(t, environment)
    const named = { prompt: 'a mill', size: '256x256', output_path: 'mill.png' }
    await abandon(named).then((release) => release())
    await shelved()
    const elsewhere = await callTool(other.url, 'generate_image', named)
    t.assert.equal(elsewhere.images.length, 1)
    t.assert.doesNotMatch(elsewhere.text, note)
    t.assert.match((await callTool(one.url, 'generate_image', named)).text, note)
    t.assert.equal(simulator.requests.length, 2)

    const unnamed = { prompt: 'a fox', size: '256x256' }
    await abandon(unnamed).then((release) => release())
    await waitFor('its result', () => one.log.split('result stored for an identical call').length === 3)
    await shelved()
    t.assert.match((await callTool(other.url, 'generate_image', unnamed)).text, note)
  })
})
