import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { Client } from 'undici'
import { type BuiltApp, listen } from '../../support/app.ts'
import { createWaitingTool, fixtureCatalog } from '../../support/fixture-catalog.ts'

type Listening = BuiltApp & { url: string }

const build = (t: TestContext, environment = {}): Promise<Listening> =>
  listen(t, environment, { extendCatalog: () => fixtureCatalog })

const ping = (id: unknown) => ({ jsonrpc: '2.0', id, method: 'ping' })

async function post(url: string, message: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(message),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
}

function raw(t: TestContext, url: string): Socket {
  const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
  t.after(() => socket.destroy())
  return socket
}

/** The service is healthy if it responds and has logged no error. */
async function assertWell(t: TestContext, { url, logs }: Listening): Promise<void> {
  t.assert.deepStrictEqual((await post(url, ping(1))).body, { jsonrpc: '2.0', id: 1, result: {} })
  t.assert.deepStrictEqual(
    logs.entries.filter(({ level }) => Number(level) >= 50),
    [],
  )
}

test('a notification with an id is a request for a method that does not exist', async (t: TestContext) => {
  const service = await build(t)
  const { status, body } = await post(service.url, { ...ping(3), method: 'notifications/initialized' })
  t.assert.strictEqual(status, 200)
  t.assert.partialDeepStrictEqual(body, { id: 3, error: { code: -32601 } })
})

test('requests that share an id at once are each answered', async (t: TestContext) => {
  const { url } = await build(t)
  const call = (text: string) => ({
    ...ping(1),
    method: 'tools/call',
    params: { name: 'echo', arguments: { text } },
  })
  const texts = ['a', 'b', 'c', 'd']
  const responses = await Promise.all(texts.map((text) => post(url, call(text))))
  t.assert.deepStrictEqual(
    responses.map(({ body }) => [body.id, body.result.content[0].text]),
    texts.map((text) => [1, text]),
  )
})

test('answers 10,000 tiny requests on one connection', async (t: TestContext) => {
  const service = await build(t, { LOG_LEVEL: 'warn' })
  const connections: Socket[] = []
  service.app.server.on('connection', (socket) => connections.push(socket))
  const client = new Client(service.url, { pipelining: 50 })
  t.after(() => client.close())
  const ask = async (id: number) => {
    const { body } = await client.request({
      path: '/',
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(ping(id)),
      idempotent: true,
    })
    return Object(await body.json()).id
  }
  for (let at = 0; at < 10_000; at += 500) {
    const ids = Array.from({ length: 500 }, (_, offset) => at + offset)
    t.assert.deepStrictEqual(await Promise.all(ids.map(ask)), ids)
  }
  t.assert.strictEqual(connections.length, 1)
  t.assert.strictEqual(connections[0]?.listenerCount('timeout'), 1)
  await assertWell(t, service)
})

test('a header with control characters is rejected before anything reads it', async (t: TestContext) => {
  const service = await build(t)
  const socket = raw(t, service.url)
  socket.write('POST / HTTP/1.1\r\nhost: localhost\r\nmcp-method: pi\u0001ng\r\ncontent-length: 0\r\n\r\n')
  const [response] = await once(socket, 'data')
  t.assert.match(String(response), /^HTTP\/1\.1 400 /)
  await assertWell(t, service)
})

test('repeated headers that disagree with the body are rejected', async (t: TestContext) => {
  const service = await build(t)
  const socket = raw(t, service.url)
  const body = JSON.stringify(ping(1))
  socket.write(
    'POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nmcp-protocol-version: 2025-11-25\r\n' +
      `mcp-protocol-version: 2025-06-18\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
  const [response] = await once(socket, 'data')
  t.assert.match(String(response), /^HTTP\/1\.1 400 [\s\S]*-32022/)
})

test('a client that disconnects in the middle of its body affects no other', async (t: TestContext) => {
  const service = await build(t)
  const socket = raw(t, service.url)
  socket.write(
    'POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n{"json',
  )
  const [request] = await once(service.app.server, 'request')
  const closed = new Promise((resolve) => request.once('close', resolve))
  socket.destroy()
  await closed
  await assertWell(t, service)
})

test('a client that disconnects while its call waits stops it, and the next client is served', async (t: TestContext) => {
  const tool = createWaitingTool()
  const service = await listen(t, {}, { extendCatalog: () => tool.catalog })
  const socket = raw(t, service.url)
  const body = JSON.stringify({ ...ping(1), method: 'tools/call', params: { name: 'wait' } })
  socket.write(
    `POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
  const { signal } = await tool.started
  socket.destroy()
  if (!signal.aborted) await once(signal, 'abort')
  tool.finish()
  await assertWell(t, service)
})

test('a call with hundreds of arguments is rejected unread', async (t: TestContext) => {
  const { url } = await build(t)
  const args = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`a${index}`, 1]))
  const { status, body } = await post(url, {
    ...ping(1),
    method: 'tools/call',
    params: { name: 'echo', arguments: args },
  })
  t.assert.strictEqual(status, 200)
  t.assert.partialDeepStrictEqual(body, { id: 1, error: { code: -32602 } })
})

test('a version of any length is repeated in a few characters', async (t: TestContext) => {
  const { url } = await build(t)
  const _meta = { 'io.modelcontextprotocol/protocolVersion': '9'.repeat(100_000) }
  const { status, body } = await post(url, { ...ping(1), params: { _meta } })
  t.assert.strictEqual(status, 400)
  t.assert.strictEqual(body.error.data.requested, '9'.repeat(64))
})
