import { type TestContext, test } from 'node:test'
import { freePorts } from '../support/free-ports.ts'
import { startIssuer } from '../support/oauth-issuer.ts'
import { post } from '../support/service.ts'
import {
  CALLS,
  checkResponses,
  everyoneGotAnImage,
  isImage,
  serves,
  startCalls,
  startWorld,
} from '../support/system/calls.ts'
import { requireProgram, startProgram, toolCall } from '../support/system/processes.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

/** Faults of the clock, of Redis and of the token issuer during 200 calls. */

/** Preloaded into the service. These two signals have no effect on it otherwise. */
const preloaded = (script: string) => ['--import', `data:text/javascript,${encodeURIComponent(script)}`]

/** A wall clock that is a day ahead after the first signal, a day behind after the second, and correct after the third. */
const jumpingClock = preloaded(`
  const RealDate = Date
  const jumps = [864e5, -864e5, 0]
  let ahead = 0
  globalThis.Date = class extends RealDate {
    constructor(...when) { super(...(when.length === 0 ? [RealDate.now() + ahead] : when)) }
    static now() { return RealDate.now() + ahead }
  }
  process.on('SIGWINCH', () => { ahead = jumps.shift() })
`)

test('a clock that jumps a day ahead and back ends no call and delays none', async (t: TestContext) => {
  const world = await startWorld(t, { IMAGES_DIR: await temporaryFolder(t) })
  const service = await world.start(jumpingClock)
  const disconnected = new AbortController()
  const requested = JSON.stringify(toolCall('generate_image', { prompt: 'left behind', size: '256x256' }))
  const headers = { 'content-type': 'application/json' }
  const left = fetch(service.url, { method: 'POST', headers, body: requested, signal: disconnected.signal }).catch(
    () => {},
  )
  await waitFor('a request to Azure', () => world.simulator.requests.length > 0)
  disconnected.abort()
  await left
  await waitFor('a stored result', () => /result stored for an identical call/.test(service.log))
  const dayOf = (byMs: number) => new Date(Date.now() + byMs).toISOString().slice(0, 10)
  const calls = startCalls(service.url, CALLS)
  for (const [images, aheadMs] of [
    [10, 86_400_000],
    [30, -86_400_000],
    [50, 0],
  ] as const) {
    await waitFor('images', () => calls.count(isImage) >= images)
    const from = service.log.length
    service.child.kill('SIGWINCH')
    await waitFor('the clock to jump', () => service.log.slice(from).includes(`"time":"${dayOf(aheadMs)}`))
  }
  await checkResponses(t, 'clock a day ahead, a day back', await calls.ended)
  everyoneGotAnImage(t, calls.outcomes, world.made() - 1)
  const { response } = await post(service.url, requested)
  t.assert.match(JSON.stringify(response), /made for your earlier, identical call/)
  await serves(t, service.url)
})

/** The number of calls that a caller may make. They generate no image, but count. */
async function allowed(url: string, caller: string, tries: number): Promise<number> {
  const body = JSON.stringify(toolCall('generate_image', { prompt: 'fault:content-filter', size: '256x256' }))
  let count = 0
  for (let n = 0; n < tries; n++) {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${keyOf(caller)}` }
    const response = await fetch(url, { method: 'POST', headers, body })
    if (response.status === 200) count++
    await response.text()
  }
  return count
}

const keyOf = (caller: string) => `${caller}-`.padEnd(40, 'k')

const stateOfRedis = async (url: string) => Object(await (await fetch(`${url}/ready`)).json()).redis

test('a Redis that hangs, disappears and returns stops no call; meanwhile each replica counts by itself', async (t: TestContext) => {
  await requireProgram('redis-server')
  const [port] = await freePorts(1)
  const folder = await temporaryFolder(t)
  const startRedis = () =>
    startProgram(t, 'redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder])
  let redis = startRedis()
  const crowd = Array.from({ length: 20 }, (_unused, n) => `crowd-${n}`)
  const world = await startWorld(t, {
    IMAGES_DIR: await temporaryFolder(t),
    REDIS_URL: `redis://127.0.0.1:${port}`,
    SERVER_SECRET: 's'.repeat(32),
    TOOL_CALLS_PER_MINUTE: '10',
    MCP_API_KEYS: [...crowd, 'alice', 'bob', 'carol'].map((name) => `${name}:${keyOf(name)}`).join(','),
  })
  const replicas = await Promise.all([world.start(), world.start()])
  const [one, other] = replicas
  const both = (state: string) =>
    waitFor(
      `Redis to be ${state}`,
      async () => {
        const states = await Promise.all(replicas.map(({ url }) => stateOfRedis(url)))
        return states.every((found) => found === state)
      },
      { limitMs: 90_000 },
    )
  await both('connected')
  t.assert.deepEqual([await allowed(one.url, 'alice', 6), await allowed(other.url, 'alice', 6)], [6, 4])

  const headers = (id: number) => ({ authorization: `Bearer ${keyOf(`crowd-${id % crowd.length}`)}` })
  const flows = replicas.map(({ url }, n) => startCalls(url, CALLS / 2, { name: `replica-${n}`, headers }))
  const images = (count: number) => waitFor('images', () => flows.every((flow) => flow.count(isImage) >= count))
  await images(5)
  redis.child.kill('SIGSTOP')
  await both('unreachable')
  redis.child.kill('SIGCONT')
  await both('connected')
  await images(15)
  redis.child.kill('SIGKILL')
  await both('unreachable')
  t.assert.deepEqual([await allowed(one.url, 'bob', 12), await allowed(other.url, 'bob', 12)], [10, 10])
  const outcomes = (await Promise.all(flows.map(({ ended }) => ended))).flat()
  await checkResponses(t, 'Redis hangs, goes', outcomes)
  redis = startRedis()
  await both('connected')
  t.assert.deepEqual([await allowed(one.url, 'carol', 6), await allowed(other.url, 'carol', 6)], [6, 4])
  t.assert.deepEqual(
    outcomes.filter(({ kind, image }) => kind !== 'list' && image === undefined).map(({ text }) => text),
    [],
  )
  for (const { url } of replicas) await serves(t, url, undefined, headers(0))
})

/** A process whose clocks are 31 s ahead after one signal, and 11 min after the other, so that its caches expire. */
const ageing = preloaded(`
  const real = performance.now.bind(performance)
  const RealDate = Date
  let older = 0
  performance.now = () => real() + older
  globalThis.Date = class extends RealDate {
    constructor(...when) { super(...(when.length === 0 ? [RealDate.now() + older] : when)) }
    static now() { return RealDate.now() + older }
  }
  process.on('SIGWINCH', () => { older += 31e3; console.log('{"aged":1}') })
  process.on('SIGIO', () => { older += 66e4; console.log('{"aged":1}') })
`)

test('an unavailable issuer locks out no caller with a cached key, and new keys work once it is back', async (t: TestContext) => {
  const issuer = await startIssuer(t)
  const world = await startWorld(t, { IMAGES_DIR: await temporaryFolder(t), ...issuer.environment })
  const service = await world.start(ageing)
  async function age(signal: 'SIGWINCH' | 'SIGIO'): Promise<void> {
    const from = service.log.length
    service.child.kill(signal)
    await waitFor('the cached keys to age', () => service.log.slice(from).includes('"aged"'))
  }
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
  const known = bearer(await issuer.token({ exp: Math.floor(Date.now() / 1000) + 3_600 }))
  const ask = async (headers: Record<string, string>) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
    const response = await fetch(service.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    })
    return { status: response.status, response: Object(await response.json()) }
  }
  t.assert.equal((await ask(known)).status, 200)
  const calls = startCalls(service.url, CALLS, { headers: () => known })
  await waitFor('images', () => calls.count(isImage) >= 10)
  issuer.isUp = false
  await issuer.rotate()
  const unknown = bearer(await issuer.token({ exp: Math.floor(Date.now() / 1000) + 3_600 }))
  // The keys are fetched again only after a while, and that fails.
  await age('SIGWINCH')
  const rejected = await ask(unknown)
  t.assert.ok(rejected.status === 401 || rejected.status === 503, `${rejected.status}`)
  t.assert.equal(rejected.response.error.code, rejected.status)
  await waitFor('a failed fetch of the signing keys', () => service.log.includes('signing key fetch failed'))
  await checkResponses(t, 'issuer gone', await calls.ended)
  everyoneGotAnImage(t, calls.outcomes, world.made())
  await age('SIGIO')
  t.assert.equal((await ask(known)).status, 200)
  issuer.isUp = true
  await age('SIGWINCH')
  t.assert.equal((await ask(unknown)).status, 200)
  await serves(t, service.url, undefined, unknown)
})
