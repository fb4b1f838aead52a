import { describe, type TestContext, test } from 'node:test'
import { containerFlags } from '../support/container-flags.ts'
import { startProcess } from '../support/process.ts'
import { connectRaw } from '../support/raw-client.ts'
import { callTool, post, type RpcResponse, startContained, startService } from '../support/service.ts'
import { key as azureKey } from '../support/simulator.ts'
import { storedResults } from '../support/stored-results.ts'
import { waitFor } from '../support/wait-for.ts'

const note = /your earlier call with the same idempotency key; nothing was paid again/
const otherArguments = /^This idempotency key was used for a call with other arguments: send a new key\.$/
const keys = { MCP_API_KEYS: 'ann:key-of-ann,bob:key-of-bob' }

/** Calls with an API key, and returns the parts of the result. */
async function call(url: string, args: object, headers: Record<string, string> = { 'x-api-key': 'key-of-ann' }) {
  const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'generate_image', arguments: args } }
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(message),
  })
  const reply: RpcResponse = JSON.parse(await response.text())
  const content = reply.result?.content ?? []
  return {
    status: response.status,
    error: reply.error?.message,
    text: content.flatMap(({ text }) => text ?? []).join('\n'),
    image: content.find(({ data }) => data !== undefined)?.data,
    isError: reply.result?.isError === true,
  }
}

const requested = { prompt: 'a lighthouse', size: '256x256' }

describe('a call with an idempotency key', () => {
  for (const way of ['argument', 'header']) {
    test(`runs once, and every repetition gets the same result, also after delivery (${way})`, async (t: TestContext) => {
      const { url, simulator } = await startService(t, keys)
      const args = way === 'argument' ? { ...requested, idempotency_key: 'k1' } : requested
      const headers: Record<string, string> = { 'x-api-key': 'key-of-ann' }
      if (way === 'header') headers['idempotency-key'] = 'k1'
      const first = await call(url, args, headers)
      t.assert.doesNotMatch(first.text, note)
      for (let n = 0; n < 3; n++) {
        const again = await call(url, args, headers)
        t.assert.match(again.text, note)
        t.assert.equal(again.image, first.image)
      }
      t.assert.equal(simulator.requests.length, 1)
    })
  }

  test('is joined by a repetition while it runs', async (t: TestContext) => {
    const { url, simulator } = await startService(t, keys, { latencyMs: 200 })
    const args = { ...requested, idempotency_key: 'k1' }
    const all = await Promise.all(Array.from({ length: 5 }, () => call(url, args)))
    t.assert.equal(new Set(all.map(({ image }) => image)).size, 1)
    t.assert.equal(simulator.requests.length, 1)
  })

  test('is rejected if the same caller repeats it with other arguments', async (t: TestContext) => {
    const { url, simulator } = await startService(t, keys)
    await call(url, { ...requested, idempotency_key: 'k1' })
    const other = await call(url, { prompt: 'a mill', size: '256x256', idempotency_key: 'k1' })
    t.assert.equal(other.isError, true)
    t.assert.match(other.text, otherArguments)
    const bob = { 'x-api-key': 'key-of-bob' }
    t.assert.equal((await call(url, { prompt: 'a mill', size: '256x256', idempotency_key: 'k1' }, bob)).isError, false)
    t.assert.equal(simulator.requests.length, 2)
  })

  test('includes its arguments in the key without authentication', async (t: TestContext) => {
    const { url, simulator } = await startService(t)
    await callTool(url, 'generate_image', { ...requested, idempotency_key: 'k1' })
    const other = await callTool(url, 'generate_image', { prompt: 'a mill', size: '256x256', idempotency_key: 'k1' })
    t.assert.equal(other.isError, false)
    t.assert.match((await callTool(url, 'generate_image', { ...requested, idempotency_key: 'k1' })).text, note)
    t.assert.equal(simulator.requests.length, 2)
  })

  test('runs anew with a new key, although the earlier response is unproven', async (t: TestContext) => {
    const service = await startService(t, {})
    const silent = await connectRaw(t, service.url)
    const message = {
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'generate_image', arguments: requested },
    }
    silent.post(JSON.stringify(message))
    await silent.response()
    await waitFor('the end of the response', () => service.logs.text.includes('"msg":"request completed"'))
    const fresh = await callTool(service.url, 'generate_image', { ...requested, idempotency_key: 'k2' })
    t.assert.doesNotMatch(fresh.text, /nothing was paid again/)
    t.assert.equal(service.simulator.requests.length, 2)
  })

  test('can be repeated if it failed', async (t: TestContext) => {
    const { url, simulator } = await startService(t, keys)
    const args = { prompt: 'a cat fault:bad-gateway-html', size: '256x256', idempotency_key: 'k1' }
    t.assert.equal((await call(url, args)).isError, true)
    const before = simulator.requests.length
    await call(url, args)
    t.assert.ok(simulator.requests.length > before)
  })

  test('whose client disconnected returns its result to every repetition', async (t: TestContext) => {
    const { url, simulator } = await startService(t, keys)
    const release = simulator.hold()
    const args = { ...requested, idempotency_key: 'k1' }
    const client = await connectRaw(t, url)
    const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'generate_image', arguments: args } }
    client.post(JSON.stringify(message), { 'x-api-key': 'key-of-ann' })
    await waitFor('a request to Azure', () => simulator.requests.length > 0)
    client.reset()
    await fetch(`${url}/health`)
    release()
    const first = await call(url, args)
    t.assert.match(first.text, /nothing was paid again/)
    const second = await call(url, args)
    t.assert.match(second.text, note)
    t.assert.equal(second.image, first.image)
    t.assert.equal(simulator.requests.length, 1)
  })

  for (const LIBRARY of ['on', 'off']) {
    test(`survives a restart under the flags of the container, with LIBRARY=${LIBRARY}`, async (t: TestContext) => {
      const { url, images, process } = await startContained(t, { ...keys, LIBRARY })
      const args = { ...requested, idempotency_key: 'k1' }
      const first = await call(url, args)
      const files = () => storedResults(images, 'idempotent')
      if (LIBRARY === 'off') await waitFor('a stored result', async () => (await files()).length > 0)
      process.child.kill('SIGKILL')
      await process.ended
      t.assert.equal((await files()).length, LIBRARY === 'off' ? 1 : 0, 'no image is stored twice')
      const next = await startProcess(
        t,
        { AZURE_BASE_URL: 'http://127.0.0.1:9', AZURE_API_KEY: azureKey, IMAGES_DIR: images, ...keys, LIBRARY },
        containerFlags({ images }),
      )
      const again = await call(next.url, args)
      t.assert.match(again.text, note)
      t.assert.equal(again.image, first.image)
    })
  }

  test('stores files that callers can neither list, read nor overwrite', async (t: TestContext) => {
    const { url, images } = await startService(t, { LIBRARY: 'off' })
    await callTool(url, 'generate_image', { ...requested, idempotency_key: 'k1' })
    const stored = await waitFor('a stored result', async () => (await storedResults(images, 'idempotent'))[0])
    const ask = async (method: string, params: object) =>
      JSON.stringify((await post(url, JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }))).response)
    t.assert.doesNotMatch(await ask('resources/list', {}), /idempotent/)
    t.assert.match(await ask('resources/read', { uri: `image:///.idempotent/${stored}` }), /"error"/)
    const named = await callTool(url, 'generate_image', { ...requested, output_path: '.idempotent/x.png' })
    t.assert.equal(named.isError, true, named.text)
  })

  test('with an invalid key is rejected before Azure is called', async (t: TestContext) => {
    const { url, simulator } = await startService(t, keys)
    for (const key of ['', 'x'.repeat(129), 'a b', 'ü']) {
      const rejected = await call(url, requested, { 'x-api-key': 'key-of-ann', 'idempotency-key': key })
      t.assert.match(rejected.error ?? '', /Idempotency-Key/)
    }
    t.assert.equal((await call(url, { ...requested, idempotency_key: 'a b' })).isError, true)
    t.assert.equal(simulator.requests.length, 0)
  })
})
