import { readdirSync, readlinkSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { plainPng } from '../support/images/images.ts'
import { connectRaw } from '../support/raw-client.ts'
import {
  callTool,
  post,
  type RpcResponse,
  type ContainedService as Service,
  startContained,
} from '../support/service.ts'
import { storedResults } from '../support/stored-results.ts'
import { waitFor } from '../support/wait-for.ts'

const body = (args: object) => {
  const name = 'image_data_base64' in args || 'image' in args ? 'edit_image' : 'generate_image'
  return JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } })
}

/** Open files of the service below a folder, removed or not. */
const openFiles = ({ images: folder, process: { child } }: Service) =>
  readdirSync(`/proc/${child.pid}/fd`).filter((fd) => {
    try {
      return readlinkSync(`/proc/${child.pid}/fd/${fd}`).startsWith(join(folder, '.abandoned'))
    } catch {
      return false
    }
  })

/** Calls, and disconnects while Azure is working. @returns what ends its work */
async function callAndLeave(service: Service, args: object, accept = 'application/json'): Promise<() => void> {
  const { simulator, url } = service
  const before = simulator.requests.length
  const release = simulator.hold()
  const disconnected = new AbortController()
  const headers = { 'content-type': 'application/json', accept }
  const call = fetch(url, { method: 'POST', headers, body: body(args), signal: disconnected.signal }).then((response) =>
    response.text(),
  )
  call.catch(() => {})
  await waitFor('a request to Azure', () => simulator.requests.length > before)
  disconnected.abort()
  // When it responds to this, the service has noticed what happened before.
  await fetch(`${url}/health`)
  return release
}

async function callAndDisconnect(service: Service, args: object, accept?: string): Promise<void> {
  const release = await callAndLeave(service, args, accept)
  release()
}

const metricsOf = async ({ url }: Service) => await (await fetch(`${url}/metrics`)).text()

/** Calls on a new connection and ends it cleanly, which proves delivery. */
async function callAndEnd(t: TestContext, { url }: Service, args: object) {
  const client = await connectRaw(t, url)
  client.post(body(args))
  const response: RpcResponse = JSON.parse((await client.response()).body)
  await client.end()
  const content = response.result?.content ?? []
  return {
    isError: response.result?.isError ?? false,
    text: content.flatMap(({ text }) => text ?? []).join('\n'),
    images: content.filter(({ data }) => data !== undefined),
  }
}

const note = /made for your earlier, identical call/

describe('a caller that disconnects after Azure was called', () => {
  for (const accept of ['application/json', 'text/event-stream']) {
    test(`over ${accept} gets its image when it retries, and Azure is called once`, async (t: TestContext) => {
      const service = await startContained(t)
      await callAndDisconnect(service, { prompt: 'a cat' }, accept)
      await waitFor('a stored result', async () => (await storedResults(service.images)).length > 0)
      const again = await callAndEnd(t, service, { prompt: 'a cat' })
      t.assert.equal(again.isError, false)
      t.assert.equal(again.images.length, 1)
      t.assert.match(again.text, /^Image successfully generated\.\n/)
      t.assert.match(again.text, note)
      t.assert.equal(service.simulator.requests.length, 1)
      await waitFor('the removal of the result', async () => (await storedResults(service.images)).length === 0)
      t.assert.doesNotMatch((await callTool(service.url, 'generate_image', { prompt: 'a cat' })).text, note)
      t.assert.equal(service.simulator.requests.length, 2)
    })
  }

  test('gets its edit of the image "last", though that edit is the newest image by then', async (t: TestContext) => {
    const service = await startContained(t)
    await callAndEnd(t, service, { prompt: 'a fox' })
    const edit = { image: 'last', prompt: 'make it warmer' }
    await callAndDisconnect(service, edit)
    await waitFor('a stored result', async () => (await storedResults(service.images)).length > 0)
    const again = await callAndEnd(t, service, edit)
    t.assert.equal(again.images.length, 1)
    t.assert.match(again.text, note)
    t.assert.equal(service.simulator.requests.length, 2)
  })

  test('leaves no file open once its image is delivered', async (t: TestContext) => {
    const service = await startContained(t)
    await callAndDisconnect(service, { prompt: 'a bird' })
    await waitFor('a stored result', async () => (await storedResults(service.images)).length > 0)
    await callAndEnd(t, service, { prompt: 'a bird' })
    await waitFor('the removal of the result', async () => (await storedResults(service.images)).length === 0)
    await waitFor('its files to be closed', () => openFiles(service).length === 0)
  })

  test('joins its own call while it runs', async (t: TestContext) => {
    const service = await startContained(t)
    const release = await callAndLeave(service, { prompt: 'a dog' })
    const retry = callTool(service.url, 'generate_image', { prompt: 'a dog' })
    await waitFor('the retry to join', async () => /event="joined"\} 1\b/.test(await metricsOf(service)))
    release()
    const again = await retry
    t.assert.match(again.text, note)
    t.assert.equal(again.images.length, 1)
    t.assert.equal(service.simulator.requests.length, 1)
  })

  test('and requested output_path gets one file', async (t: TestContext) => {
    const service = await startContained(t)
    const args = { prompt: 'a cat', output_path: 'cat.png' }
    await callAndDisconnect(service, args)
    await waitFor('a stored result', async () => (await storedResults(service.images)).length > 0)
    const again = await callTool(service.url, 'generate_image', args)
    t.assert.match(again.text, /Saved to server at: .*cat\.png\n/)
    t.assert.deepEqual(
      (await readdir(service.images)).filter((name) => name.endsWith('.png')),
      ['cat.png'],
    )
  })

  for (const side of [40, 400]) {
    test(`gets the edit of its own ${side}x${side} image, not of another`, async (t: TestContext) => {
      const service = await startContained(t)
      const mine = { prompt: 'greyer', image_data_base64: plainPng(side, 1).toString('base64') }
      const other = { prompt: 'greyer', image_data_base64: plainPng(side, 2).toString('base64') }
      await callAndDisconnect(service, mine)
      await waitFor('a stored result', async () => (await storedResults(service.images)).length > 0)
      t.assert.doesNotMatch((await callTool(service.url, 'edit_image', other)).text, note)
      t.assert.match((await callTool(service.url, 'edit_image', mine)).text, note)
      t.assert.equal(service.simulator.requests.length, 2)
    })
  }

  test('does not get the result of another caller', async (t: TestContext) => {
    const keys = { MCP_API_KEYS: 'alice:key-of-alice,bob:key-of-bob' }
    const service = await startContained(t, keys)
    const send = (key: string, signal?: AbortSignal) =>
      fetch(service.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': key },
        body: body({ prompt: 'mine' }),
        ...(signal === undefined ? {} : { signal }),
      }).then((response) => response.text())
    const disconnected = new AbortController()
    const release = service.simulator.hold()
    send('key-of-alice', disconnected.signal).catch(() => {})
    await waitFor('a request to Azure', () => service.simulator.requests.length > 0)
    disconnected.abort()
    await fetch(`${service.url}/health`)
    release()
    await waitFor('a stored result', async () => (await storedResults(service.images)).length > 0)
    t.assert.doesNotMatch(await send('key-of-bob'), note)
    t.assert.match(await send('key-of-alice'), note)
  })

  test('gets nothing with ABANDONED_RESULT_TTL_MS=0', async (t: TestContext) => {
    const service = await startContained(t, { ABANDONED_RESULT_TTL_MS: '0' })
    await callAndDisconnect(service, { prompt: 'a cat' })
    await waitFor('the end of the call', async () =>
      /^image_mcp_tool_calls_in_flight 0$/m.test(await metricsOf(service)),
    )
    t.assert.doesNotMatch((await callTool(service.url, 'generate_image', { prompt: 'a cat' })).text, note)
    t.assert.deepEqual(await storedResults(service.images), [])
  })
})

test('stored results can be neither listed nor read by callers', async (t: TestContext) => {
  const service = await startContained(t)
  await callAndDisconnect(service, { prompt: 'a cat' })
  await waitFor('a stored result', async () => (await storedResults(service.images)).length > 0)
  const list = { jsonrpc: '2.0', id: 1, method: 'resources/list' }
  t.assert.doesNotMatch(JSON.stringify((await post(service.url, JSON.stringify(list))).response), /abandoned/)
  const { text, isError } = await callTool(service.url, 'generate_image', {
    prompt: 'x',
    output_path: '.abandoned/x.png',
  })
  t.assert.equal(isError, true, text)
})
