import { type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import sharp from 'sharp'
import { createSimulator } from '../../simulator/app.ts'
import { filterSpellings } from '../../simulator/fault.ts'
import { codeOf, imagesOf, key, postJson, startSimulator } from '../support/simulator.ts'
import { waitFor } from '../support/wait-for.ts'

const path = '/openai/deployments/FLUX.1-Kontext-pro/images/generations?api-version=2025-04-01-preview'
const body = { prompt: 'a fox', size: '256x256' }

test('queued faults apply in order, and later calls succeed', async (t: TestContext) => {
  const { url, simulator } = await startSimulator(t)
  simulator.faults.next(1, { name: 'rate-limit', ms: 1500 })
  simulator.faults.next(1, 'none')
  simulator.faults.next(2, 'server-error')
  const statuses: number[] = []
  for (let i = 0; i < 5; i++) statuses.push((await postJson(url + path, body)).status)
  t.assert.deepStrictEqual(statuses, [429, 200, 500, 500, 200])
  t.assert.strictEqual(simulator.faults.pending, 0)
  t.assert.deepStrictEqual(
    simulator.requests.map(({ fault }) => fault),
    ['rate-limit', undefined, 'server-error', 'server-error', undefined],
  )
})

test('a fault can be queued for one deployment, or apply to all of its calls', async (t: TestContext) => {
  const { url, simulator } = await startSimulator(t, {
    deployments: { good: 'FLUX.1-Kontext-pro', bad: { model: 'FLUX.1-Kontext-pro', fault: 'unavailable' } },
  })
  simulator.faults.next(1, 'timeout', { deployment: 'good' })
  const status = async (name: string) => (await postJson(url + path.replace('FLUX.1-Kontext-pro', name), body)).status
  t.assert.deepStrictEqual([await status('bad'), await status('good'), await status('good')], [503, 408, 200])
  simulator.faults.always('bad', 'none')
  t.assert.strictEqual(await status('bad'), 200)
})

test('a prompt can name a fault, unless that is disabled', async (t: TestContext) => {
  const on = await startSimulator(t)
  const off = await startSimulator(t, { promptFaults: false })
  const asked = { ...body, prompt: 'a fox fault:account-block' }
  t.assert.strictEqual((await postJson(on.url + path, asked)).status, 403)
  t.assert.strictEqual((await postJson(off.url + path, asked)).status, 200)
})

test('a 429 carries the wait in the selected headers', async (t: TestContext) => {
  const { url, simulator } = await startSimulator(t)
  const waits = async (header: 'both' | 'none' | 'retry-after' | 'retry-after-ms') => {
    simulator.faults.next(1, { name: 'rate-limit', ms: 2500, header })
    const { headers } = await postJson(url + path, body)
    return [headers.get('retry-after'), headers.get('retry-after-ms')]
  }
  t.assert.deepStrictEqual(await waits('both'), ['3', '2500'])
  t.assert.deepStrictEqual(await waits('retry-after'), ['3', null])
  t.assert.deepStrictEqual(await waits('retry-after-ms'), [null, '2500'])
  t.assert.deepStrictEqual(await waits('none'), [null, null])
})

test('rejects content in every error shape', async (t: TestContext) => {
  const { url, simulator } = await startSimulator(t)
  const bodies = new Set<string>()
  for (const spelling of filterSpellings) {
    simulator.faults.next(1, { name: 'content-filter', spelling })
    const response = await postJson(url + path, body)
    t.assert.strictEqual(response.status, 400)
    bodies.add(await response.text())
  }
  t.assert.strictEqual(bodies.size, filterSpellings.length)
})

test('returns 200 without an image in four ways', async (t: TestContext) => {
  const { url, simulator } = await startSimulator(t)
  for (const instead of ['filtered', 'empty-data', 'no-data', 'message'] as const) {
    simulator.faults.next(1, { name: 'no-image', instead })
    const response = await postJson(url + path, body)
    t.assert.strictEqual(response.status, 200)
    t.assert.doesNotMatch(await response.text(), /b64_json/)
  }
})

test('a url response links to the image', async (t: TestContext) => {
  const { url, simulator } = await startSimulator(t)
  simulator.faults.next(1, 'url')
  const response = (await (await postJson(url + path, body)).json()) as { data: { url: string }[] }
  const image = await fetch(response.data[0]?.url ?? '')
  t.assert.strictEqual(image.headers.get('content-type'), 'image/png')
  t.assert.strictEqual((await sharp(await image.arrayBuffer()).metadata()).width, 256)
})

test('corrupts a 200 as the fault demands', async (t: TestContext) => {
  const { url, simulator } = await startSimulator(t)
  const next = (fault: Parameters<typeof simulator.faults.next>[1]) => {
    simulator.faults.next(1, fault)
    return postJson(url + path, body)
  }
  await t.assert.rejects((await next('invalid-json')).json(), SyntaxError)
  t.assert.strictEqual(
    (await (await next({ name: 'oversized', bytes: 5_000_000 })).arrayBuffer()).byteLength > 5_000_000,
    true,
  )
  const [jpeg] = await imagesOf(await next('wrong-format'))
  t.assert.strictEqual((await sharp(jpeg).metadata()).format, 'jpeg')
  const [padded] = await imagesOf(await next({ name: 'padded', bytes: 3_000_000 }))
  t.assert.strictEqual(padded?.length, 3_000_000)
  t.assert.strictEqual((await sharp(padded).stats()).isOpaque, true)
  const escaped = await (await next('escaped')).text()
  t.assert.match(escaped, /\\\//)
  t.assert.strictEqual(JSON.parse(escaped).data.length, 1)
  t.assert.match(await (await next('pretty')).text(), /"b64_json": "/)
  t.assert.match((await next('text-plain')).headers.get('content-type') ?? '', /^text\/plain/)
  const dripped = await next({ name: 'drip', ms: 1 })
  t.assert.strictEqual((await imagesOf(dripped)).length, 1)
})

test('resets connections before the body, after it, and within the response', async (t: TestContext) => {
  const { url, simulator } = await startSimulator(t)
  for (const fault of ['reset-early', 'reset'] as const) {
    simulator.faults.next(1, fault)
    await t.assert.rejects(postJson(url + path, body), TypeError)
  }
  simulator.faults.next(1, 'half-body')
  const response = await postJson(url + path, body)
  t.assert.strictEqual(response.status, 200)
  await t.assert.rejects(response.arrayBuffer(), TypeError)
  await waitFor('the end of all requests', () => simulator.requests.every(({ outcome }) => outcome !== 'pending'))
  t.assert.deepStrictEqual(
    simulator.requests.map(({ fault, outcome }) => [fault, outcome]),
    [
      ['reset-early', 'cut'],
      ['reset', 'cut'],
      ['half-body', 'cut'],
    ],
  )
  t.assert.deepStrictEqual(simulator.requests[0]?.fields, {})
})

test('records that a client disconnected', async (t: TestContext) => {
  const { url, simulator } = await startSimulator(t)
  simulator.faults.next(1, 'silent')
  const disconnected = new AbortController()
  const call = fetch(url + path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', 'api-key': key },
    signal: disconnected.signal,
  })
  await waitFor('a request', () => simulator.requests[0]?.fault !== undefined)
  disconnected.abort()
  await t.assert.rejects(call)
  await waitFor('the end of the request', () => simulator.requests[0]?.outcome !== 'pending')
  t.assert.strictEqual(simulator.requests[0]?.outcome, 'cut')
})

test('closes immediately while a call waits', async (t: TestContext) => {
  const simulator = createSimulator()
  const url = await simulator.listen({ port: 0, host: '127.0.0.1' })
  simulator.faults.next(1, 'silent')
  const call = t.assert.rejects(postJson(url + path, body))
  await waitFor('a request', () => simulator.requests[0]?.fault !== undefined)
  const started = performance.now()
  await simulator.close()
  await call
  t.assert.ok(performance.now() - started < 30_000)
})

test('while it is held it accepts requests and generates nothing', async (t: TestContext) => {
  const { url, simulator } = await startSimulator(t)
  const release = simulator.hold()
  let isDone = false
  const call = postJson(url + path, body).finally(() => {
    isDone = true
  })
  await waitFor('the request', () => simulator.requests[0]?.fields.prompt === body.prompt)
  // A call whose fault needs no image is not held.
  simulator.faults.next(1, 'capacity')
  t.assert.strictEqual((await postJson(url + path, body)).status, 429)
  t.assert.strictEqual(isDone, false)
  release()
  t.assert.strictEqual((await call).status, 200)
  t.assert.strictEqual((await postJson(url + path, body)).status, 200)
})

test('two simulators in one process are independent', async (t: TestContext) => {
  const [one, two] = [await startSimulator(t), await startSimulator(t, { apiKeys: ['other'] })]
  one.simulator.faults.next(1, 'capacity')
  t.assert.deepStrictEqual([await codeOf(await postJson(two.url + path, body))], ['401'])
  t.assert.strictEqual((await postJson(one.url + path, body)).status, 429)
  t.assert.deepStrictEqual([one.simulator.requests.length, two.simulator.requests.length], [1, 1])
})

test('a rate limit rejects bursts and returns how long to wait', async (t: TestContext) => {
  const { url } = await startSimulator(t, {
    deployments: { slow: { model: 'FLUX.1-Kontext-pro', rpm: 6 } },
    // A sixth of it, in which the second call must come, is longer than any machine takes for the first.
    minuteMs: 12_000,
  })
  const target = url + path.replace('FLUX.1-Kontext-pro', 'slow')
  t.assert.strictEqual((await postJson(target, body)).status, 200)
  const rejected = await postJson(target, { n: 'no prompt' })
  t.assert.strictEqual(rejected.status, 429)
  const ms = Number(rejected.headers.get('retry-after-ms'))
  t.assert.ok(ms > 0 && ms <= 2_000, `waits ${ms} ms`)
  t.assert.strictEqual(rejected.headers.get('x-ratelimit-limit-requests'), '6')
  await wait(ms)
  t.assert.strictEqual((await postJson(target, body)).status, 200)
})

test('rejects with the status of the fault', async (t: TestContext) => {
  const { url, simulator } = await startSimulator(t)
  const statuses = {
    'rate-limit': 429,
    capacity: 429,
    'server-error': 500,
    unavailable: 503,
    'server-error-html': 500,
    'bad-gateway-html': 502,
    'gateway-timeout-html': 504,
    timeout: 408,
    'account-block': 403,
    forbidden: 403,
    'key-disabled': 403,
    'spending-limit': 429,
    retired: 410,
    'content-filter': 400,
    unauthorized: 401,
    'token-expired': 401,
    'deployment-gone': 404,
    'unsupported-content-type': 400,
    'operation-not-supported': 400,
    redirect: 307,
  } as const
  for (const name of Object.keys(statuses) as (keyof typeof statuses)[]) {
    simulator.faults.next(1, name)
    const response = await fetch(url + path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', 'api-key': key },
      redirect: 'manual',
    })
    const type = response.headers.get('content-type') ?? ''
    t.assert.strictEqual(response.status, statuses[name], name)
    if (name !== 'redirect') t.assert.match(type, name.endsWith('html') ? /^text\/html/ : /^application\/json/, name)
  }
})

test('a fault in the prompt can have a number', async (t: TestContext) => {
  const { url } = await startSimulator(t)
  const limited = await postJson(url + path, { ...body, prompt: 'x fault:rate-limit=90000' })
  t.assert.strictEqual(limited.headers.get('retry-after'), '90')
  const [padded] = await imagesOf(await postJson(url + path, { ...body, prompt: 'x fault:padded=1000000' }))
  t.assert.strictEqual(padded?.length, 1_000_000)
  t.assert.strictEqual((await postJson(url + path, { ...body, prompt: 'x fault:nothing' })).status, 200)
})

test('a shortened minute takes its quota, spaced, and rejects one request more', async (t: TestContext) => {
  // What is left of it after the waits is longer than any machine takes for the calls.
  const minuteMs = 6_000
  const { url, simulator } = await startSimulator(t, { rpm: 3, minuteMs })
  const statuses: number[] = []
  for (let sent = 0; sent < 4; sent++) {
    statuses.push((await postJson(url + path, body)).status)
    if (sent < 3) await wait(minuteMs / 6)
  }
  t.assert.deepStrictEqual(statuses, [200, 200, 200, 429])
  t.assert.strictEqual(simulator.requests.filter(({ status }) => status === 429).length, 1)
})
