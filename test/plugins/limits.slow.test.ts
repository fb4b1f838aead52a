import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import Type from 'typebox'
import type { Tool } from '../../services/calls/types.ts'
import { serviceError } from '../../services/errors/errors.ts'
import { buildApp, listen } from '../support/app.ts'
import { waitFor } from '../support/wait-for.ts'

/** A tool that ends on `finishAll`, or at once. */
function controlledTool() {
  let finish = () => {}
  const state = { running: 0, finishAll: () => finish() }
  const ended = new Promise<void>((resolve) => (finish = resolve))
  const inputSchema = Type.Object({
    n: Type.Optional(Type.Integer()),
    wait: Type.Optional(Type.Boolean()),
    fail: Type.Optional(Type.Boolean()),
    unreachable: Type.Optional(Type.Boolean()),
    pad: Type.Optional(Type.String()),
  })
  const tool: Tool<typeof inputSchema> = {
    name: 'work',
    title: 'Work',
    description: 'Works.',
    inputSchema,
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
    cost: ({ n = 1 }) => n,
    async call({ wait, fail, unreachable }) {
      state.running++
      if (wait === true) await ended
      state.running--
      if (fail === true) throw serviceError('IMG_ERR_CANCELLED', [])
      if (unreachable !== undefined) {
        throw serviceError(unreachable ? 'IMG_ERR_AZURE_UNREACHABLE' : 'IMG_ERR_AZURE_LOST', [])
      }
      return { content: [{ type: 'text', text: 'done' }] }
    },
  }
  const look: Tool<typeof inputSchema> = {
    ...tool,
    name: 'look',
    cost: () => 0,
    annotations: { ...tool.annotations, readOnlyHint: true },
  }
  return { state, options: { extendCatalog: () => ({ tools: [tool, look] }) } }
}

const work = (args: object = {}, id = 1) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name: 'work', arguments: args },
})

async function build(t: TestContext, environment: Record<string, string>) {
  const { state, options } = controlledTool()
  const { app } = await buildApp(t, environment, options)
  const post = (payload: object, headers: Record<string, string> = {}) =>
    app.inject({ method: 'POST', url: '/', payload, headers })
  return { app, state, post }
}

function isRejected(
  t: TestContext,
  response: Awaited<ReturnType<Awaited<ReturnType<typeof build>>['post']>>,
  status: number,
) {
  t.assert.equal(response.statusCode, status)
  t.assert.equal(response.json().error.code, status)
  t.assert.ok(Number(response.headers['retry-after']) > 0)
  t.assert.match(String(response.headers['content-type']), /^application\/json/)
}

describe('requests per minute', () => {
  test('are limited by caller: 429 with Retry-After in the envelope', async (t: TestContext) => {
    const { post } = await build(t, { RATE_LIMIT_PER_MINUTE: '2', MCP_API_KEYS: 'alice:key-of-alice,bob:key-of-bob' })
    const alice = { 'x-api-key': 'key-of-alice' }
    t.assert.equal((await post(work(), alice)).statusCode, 200)
    t.assert.equal((await post(work(), alice)).statusCode, 200)
    const rejected = await post(work(), alice)
    isRejected(t, rejected, 429)
    t.assert.ok(rejected.json().error.data.retryAfterMs > 0)
    t.assert.equal((await post(work(), { 'x-api-key': 'key-of-bob' })).statusCode, 200)
  })

  test('are not limited by default on a local bind, and are on others', async (t: TestContext) => {
    const local = await build(t, {})
    t.assert.equal((await local.post(work())).headers['x-ratelimit-limit'], undefined)
    const open = await build(t, { MCP_SERVER_HOST: '0.0.0.0' })
    t.assert.equal((await open.post(work())).headers['x-ratelimit-limit'], '600')
  })

  test('do not include health, readiness and metrics', async (t: TestContext) => {
    const { app } = await build(t, { RATE_LIMIT_PER_MINUTE: '1' })
    for (let n = 0; n < 5; n++) {
      for (const url of ['/health', '/ready', '/metrics']) t.assert.equal((await app.inject(url)).statusCode, 200)
    }
  })

  test('are counted by the address that a trusted proxy reports, and by no other', async (t: TestContext) => {
    const trusting = await build(t, { RATE_LIMIT_PER_MINUTE: '1', TRUST_PROXY: '127.0.0.1' })
    for (const address of ['1.1.1.1', '2.2.2.2']) {
      t.assert.equal((await trusting.post(work(), { 'x-forwarded-for': address })).statusCode, 200)
    }
    const careful = await build(t, { RATE_LIMIT_PER_MINUTE: '1' })
    t.assert.equal((await careful.post(work(), { 'x-forwarded-for': '1.1.1.1' })).statusCode, 200)
    t.assert.equal((await careful.post(work(), { 'x-forwarded-for': '2.2.2.2' })).statusCode, 429)
  })

  test('are counted by the last address that is no trusted proxy’s, whatever a client put before it', async (t: TestContext) => {
    const { post } = await build(t, { RATE_LIMIT_PER_MINUTE: '1', TRUST_PROXY: '127.0.0.1,10.0.0.0/8' })
    const status = async (list: string) => (await post(work(), { 'x-forwarded-for': list })).statusCode
    t.assert.equal(await status('1.1.1.1'), 200)
    for (const list of [
      '9.9.9.9, 1.1.1.1',
      '9.9.9.8, 1.1.1.1, 10.0.0.1',
      '10.0.0.9, 1.1.1.1,10.0.0.1 , 10.0.0.2',
      '127.0.0.1, 1.1.1.1',
      'nonsense, , 1.1.1.1',
      '::ffff:1.1.1.1',
      '1.1.1.1:55555',
    ]) {
      t.assert.equal(await status(list), 429, list)
    }
    t.assert.equal(await status('1.1.1.1, 2.2.2.2, 10.0.0.1'), 200)
  })

  test('are counted by the /64 prefix of IPv6', async (t: TestContext) => {
    const { app } = await build(t, { RATE_LIMIT_PER_MINUTE: '1' })
    const status = async (remoteAddress: string) =>
      (await app.inject({ method: 'POST', url: '/', payload: work(), remoteAddress })).statusCode
    t.assert.equal(await status('2001:db8::1'), 200)
    t.assert.equal(await status('2001:db8::2:1'), 429)
    t.assert.equal(await status('2001:db8:0:1::1'), 200)
  })
})

describe('tool calls and images', () => {
  test('are limited before any stream header', async (t: TestContext) => {
    const { post } = await build(t, { TOOL_CALLS_PER_MINUTE: '1' })
    t.assert.equal((await post(work())).statusCode, 200)
    isRejected(t, await post(work(), { accept: 'text/event-stream' }), 429)
    const withToken = { ...work(), params: { name: 'work', _meta: { progressToken: 1 } } }
    isRejected(t, await post(withToken, { accept: 'application/json, text/event-stream' }), 429)
  })

  test('are not used up by what costs nothing', async (t: TestContext) => {
    const { post } = await build(t, { TOOL_CALLS_PER_MINUTE: '1', IMAGES_PER_DAY: '1' })
    for (let n = 0; n < 5; n++) {
      t.assert.equal((await post({ jsonrpc: '2.0', id: 1, method: 'tools/list' })).statusCode, 200)
    }
  })

  test('are rejected inside a 200 in a batch', async (t: TestContext) => {
    const { post } = await build(t, { TOOL_CALLS_PER_MINUTE: '1' })
    const response = await post([work({}, 1), work({}, 2), { jsonrpc: '2.0', id: 3, method: 'ping' }])
    t.assert.equal(response.statusCode, 200)
    const [first, second, third] = response.json()
    t.assert.partialDeepStrictEqual(first, { id: 1, result: {} })
    t.assert.partialDeepStrictEqual(second, { id: 2, error: { code: 429 } })
    t.assert.ok(second.error.data.retryAfterMs > 0)
    t.assert.partialDeepStrictEqual(third, { id: 3, result: {} })
  })

  test('count n images as n, and refund what was not generated', async (t: TestContext) => {
    const { post } = await build(t, { IMAGES_PER_DAY: '4' })
    t.assert.equal((await post(work({ n: 3 }))).statusCode, 200)
    t.assert.equal((await post(work({ n: 1, fail: true }))).statusCode, 200)
    t.assert.equal((await post(work({ n: 1, unreachable: true }))).statusCode, 200)
    const rejected = await post(work({ n: 2 }))
    isRejected(t, rejected, 429)
    t.assert.match(rejected.json().error.message, /resets at 00:00 UTC/)
    t.assert.equal((await post(work({ unreachable: false }))).statusCode, 200)
    isRejected(t, await post(work()), 429)
  })

  test('count no image for a tool that generates none', async (t: TestContext) => {
    const { post } = await build(t, { IMAGES_PER_DAY: '1' })
    const look = { ...work(), params: { name: 'look', arguments: {} } }
    t.assert.equal((await post(look)).statusCode, 200)
    t.assert.equal((await post(work())).statusCode, 200)
    isRejected(t, await post(work()), 429)
    t.assert.equal((await post(look)).statusCode, 200)
  })

  test('are bounded per process: 503 when it is full, while health is still served', async (t: TestContext) => {
    const { app, state, post } = await build(t, { MAX_CONCURRENT_CALLS: '2' })
    const running = [post(work({ wait: true })), post(work({ wait: true }))]
    await waitFor('two running calls', () => state.running === 2)
    isRejected(t, await post(work()), 503)
    t.assert.equal((await app.inject('/health')).statusCode, 200)
    state.finishAll()
    for (const { statusCode } of await Promise.all(running)) t.assert.equal(statusCode, 200)
    t.assert.equal((await post(work())).statusCode, 200)
  })
})

describe('request bodies', () => {
  const environment = { MAX_BODY_BYTES: '1048576', MAX_INFLIGHT_BYTES: '1048576' }
  const type = 'Content-Type: application/json'

  /** Sends the headers of an upload and no body. */
  async function begin(t: TestContext, url: string, head: string, localAddress = '127.0.0.1') {
    const options = { port: Number(new URL(url).port), host: '127.0.0.1', localAddress }
    const socket = connect(options).on('error', () => {})
    t.after(() => socket.destroy())
    let received = ''
    socket.on('data', (chunk: Buffer) => (received += chunk))
    socket.write(`POST / HTTP/1.1\r\nHost: localhost\r\n${head}\r\n\r\n`)
    await once(socket, 'connect')
    return {
      socket,
      send: (text: string) => void socket.write(text),
      sendChunk: (text: string) => void socket.write(`${text.length.toString(16)}\r\n${text}\r\n`),
      async response() {
        await waitFor('a response', () => received.includes('\r\n\r\n') && received.includes('}'))
        return received
      },
    }
  }
  const chunked = `${type}\r\nTransfer-Encoding: chunked`
  const ofLength = (bytes: number) => `${type}\r\nContent-Length: ${bytes}`

  async function inFlight(app: Awaited<ReturnType<typeof listen>>['app']) {
    return Number(/body_bytes_in_flight (\d+)/.exec((await app.inject('/metrics')).body)?.[1])
  }
  async function settled(app: Awaited<ReturnType<typeof listen>>['app'], fits: (bytes: number) => boolean) {
    await waitFor('the bytes in flight', async () => fits(await inFlight(app)))
  }

  test('reserve what has arrived and not what was announced, and nothing up to 64 KiB', async (t: TestContext) => {
    const { app, url } = await listen(t, environment, controlledTool().options)
    for (const head of [chunked, ofLength(1_000_000)]) {
      const upload = await begin(t, url, head)
      const send = head === chunked ? upload.sendChunk : upload.send
      send('x'.repeat(60_000))
      await pause(20)
      t.assert.equal(await inFlight(app), 0)
      send('x'.repeat(60_000))
      await settled(app, (bytes) => bytes === 131_072)
      upload.socket.destroy()
      await settled(app, (bytes) => bytes === 0)
    }
  })

  test('wait for capacity, and get it when another body is done', async (t: TestContext) => {
    const { app, url } = await listen(t, environment, controlledTool().options)
    const first = await begin(t, url, chunked)
    first.sendChunk('x'.repeat(600_000))
    await settled(app, (bytes) => bytes === 1_048_576)
    const second = await begin(t, url, ofLength(200_000))
    second.send(JSON.stringify(work({ pad: 'x'.repeat(100_000) })).padEnd(200_000))
    await pause(50)
    t.assert.equal(await inFlight(app), 1_048_576)
    first.socket.destroy()
    t.assert.match(await second.response(), /^HTTP\/1\.1 200/)
    await settled(app, (bytes) => bytes === 0)
  })

  test('get 503 with Retry-After in the envelope when no capacity is freed in time', async (t: TestContext) => {
    const { app, url } = await listen(t, environment, { ...controlledTool().options, timing: { bodyWaitMs: 100 } })
    const first = await begin(t, url, chunked)
    first.sendChunk('x'.repeat(600_000))
    await settled(app, (bytes) => bytes === 1_048_576)
    const second = await begin(t, url, ofLength(200_000))
    second.send(' '.repeat(200_000))
    t.assert.match(await second.response(), /^HTTP\/1\.1 503 .*retry-after: 5.*"code":503/is)
    t.assert.equal((await app.inject({ method: 'POST', url: '/', payload: work() })).statusCode, 200)
  })

  test('are released as soon as their call and their response are done', async (t: TestContext) => {
    const { state, options } = controlledTool()
    const { app, url } = await listen(t, environment, options)
    const first = await begin(t, url, chunked)
    first.sendChunk(JSON.stringify(work({ wait: true, pad: 'x'.repeat(200_000) })))
    first.send('0\r\n\r\n')
    await waitFor('a running call', () => state.running > 0)
    const used = await inFlight(app)
    t.assert.ok(used >= 200_000 && used < 300_000, String(used))
    // The call continues without the connection, and so does its body.
    first.socket.destroy()
    await pause(20)
    t.assert.equal(await inFlight(app), used)
    state.finishAll()
    await settled(app, (bytes) => bytes === 0)
  })

  test('are not sent at all by a client that expects 100 Continue', async (t: TestContext) => {
    const { app, url } = await listen(t, environment, controlledTool().options)
    const first = await begin(t, url, `${chunked}\r\nExpect: 100-continue`)
    await waitFor('100 Continue', () => first.socket.bytesRead > 0)
    first.sendChunk('x'.repeat(600_000))
    await settled(app, (bytes) => bytes === 1_048_576)
    const second = await begin(t, url, `${ofLength(900_000)}\r\nExpect: 100-continue`)
    t.assert.match(await second.response(), /^HTTP\/1\.1 503/)
  })

  test('are not requested where they are too large', async (t: TestContext) => {
    const { url } = await listen(t, environment, controlledTool().options)
    const upload = await begin(t, url, `${ofLength(50_000_000)}\r\nExpect: 100-continue`)
    t.assert.match(await upload.response(), /^HTTP\/1\.1 413/)
  })

  test('reserve nothing for a client that is not authenticated', async (t: TestContext) => {
    const { app, url } = await listen(t, { ...environment, MCP_API_KEYS: 'alice:key-of-alice' })
    const upload = await begin(t, url, chunked)
    upload.sendChunk('x'.repeat(600_000))
    t.assert.match(await upload.response(), /^HTTP\/1\.1 401/)
    t.assert.equal(await inFlight(app), 0)
  })

  for (const [what, head, start] of [
    ['chunked', chunked, '1\r\n \r\n'],
    ['announced as large', ofLength(1_000_000), ' '],
    ['announced as small', ofLength(20_000), ' '],
  ] as const) {
    test(`that arrive too slowly are dropped with 408 (${what})`, async (t: TestContext) => {
      const { app, url } = await listen(t, environment, {
        ...controlledTool().options,
        timing: { uploadPeriodMs: 200 },
      })
      const upload = await begin(t, url, head)
      const closed = once(upload.socket, 'close')
      const drip = setInterval(() => upload.send(start), 20)
      t.after(() => clearInterval(drip))
      t.assert.match(await upload.response(), /^HTTP\/1\.1 408 .*"code":408,"message":"The body arrived too slowly/s)
      await closed
      t.assert.match((await app.inject('/metrics')).body, /limit_rejections_total\{reason="slow"\} 1\n/)
    })
  }

  test('that arrive steadily may take as long as they need', async (t: TestContext) => {
    const { url } = await listen(t, environment, { ...controlledTool().options, timing: { uploadPeriodMs: 5_000 } })
    const body = JSON.stringify(work({ pad: 'x'.repeat(400_000) }))
    const upload = await begin(t, url, ofLength(body.length))
    for (let at = 0; at < body.length; at += 40_000) {
      upload.send(body.slice(at, at + 40_000))
      await pause(600)
    }
    t.assert.match(await upload.response(), /^HTTP\/1\.1 200/)
  })

  test('are not read at all after too many requests', async (t: TestContext) => {
    const { app, url } = await listen(t, { ...environment, RATE_LIMIT_PER_MINUTE: '1' })
    for (const status of [/^HTTP\/1\.1 400 /, /^HTTP\/1\.1 429 /]) {
      const upload = await begin(t, url, ofLength(3))
      if (status.test('HTTP/1.1 400 ')) upload.send('{{{')
      t.assert.match(await upload.response(), status)
    }
    t.assert.equal(await inFlight(app), 0)
  })

  test('that trickle, two hundred of them, block neither pings nor nine steady chunked uploads', async (t: TestContext) => {
    const { app, url } = await listen(t, { MAX_INFLIGHT_BYTES: '33554432' }, controlledTool().options)
    const ping = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })
    for (let n = 0; n < 200; n++) {
      const upload = await begin(t, url, n % 2 === 0 ? chunked : ofLength(30_000_000), `127.0.0.${1 + (n % 4)}`)
      if (n % 2 === 0) upload.sendChunk('x'.repeat(1_200))
      else upload.send('x'.repeat(1_200))
    }
    t.assert.equal(await inFlight(app), 0)
    const ask = (body: RequestInit['body']) =>
      fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        duplex: 'half',
      } as RequestInit)
    for (let n = 0; n < 20; n++) t.assert.equal((await ask(ping)).status, 200)
    const large = new TextEncoder().encode(JSON.stringify(work({ pad: 'x'.repeat(2_000_000) })))
    const streamed = () => ReadableStream.from([large.subarray(0, 70_000), large.subarray(70_000)])
    const responses = await Promise.all(Array.from({ length: 9 }, () => ask(streamed())))
    t.assert.deepEqual(
      responses.map(({ status }) => status),
      Array.from({ length: 9 }, () => 200),
    )
  })
})

describe('load', () => {
  test('rejects calls with 503 in the envelope, but no probes and scrapes; readiness turns only after a while', async (t: TestContext) => {
    const { app, post } = await build(t, { MAX_EVENT_LOOP_DELAY_MS: '10' })
    const busy = setInterval(() => {
      for (const end = performance.now() + 60; performance.now() < end; );
    }, 1)
    t.after(() => clearInterval(busy))
    let response = await post(work())
    for (; response.statusCode === 200; response = await post(work())) await pause(50)
    isRejected(t, response, 503)
    for (const url of ['/health', '/ready', '/metrics', '/'])
      t.assert.equal((await app.inject(url)).statusCode, 200, url)
    t.assert.equal((await app.inject({ method: 'POST', url: '/nothing', payload: {} })).statusCode, 404)
  })
})

test('load rejects the caller that causes it, and serves the others', async (t: TestContext) => {
  const keys = { MCP_API_KEYS: 'alice:key-of-alice,bob:key-of-bob' }
  const { post } = await build(t, { MAX_EVENT_LOOP_DELAY_MS: '10', ...keys })
  const busy = setInterval(() => {
    for (const end = performance.now() + 60; performance.now() < end; );
  }, 1)
  t.after(() => clearInterval(busy))
  const [alice, bob] = [{ 'x-api-key': 'key-of-alice' }, { 'x-api-key': 'key-of-bob' }]
  const large = work({ pad: 'a b '.repeat(250_000) })
  let response = await post(large, alice)
  for (; response.statusCode === 200; response = await post(large, alice)) {
    t.assert.equal((await post(work(), bob)).statusCode, 200)
  }
  isRejected(t, response, 503)
  t.assert.equal((await post(work(), bob)).statusCode, 200)
})

describe('connections', () => {
  test('without complete headers are dropped after the header timeout', async (t: TestContext) => {
    const { app, url } = await listen(t)
    t.assert.equal(app.server.headersTimeout, 15_000)
    app.server.headersTimeout = 300
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.write('POST / HTTP/1.1\r\nHost: loc')
    const [chunk] = await once(socket, 'data')
    t.assert.match(String(chunk), /^HTTP\/1\.1 408/)
    socket.destroy()
  })
})

test('a preflight needs no key', async (t: TestContext) => {
  const { app } = await buildApp(t, { MCP_API_KEYS: 'alice:key-of-alice' })
  const headers = { origin: 'http://localhost:6274', 'access-control-request-method': 'POST' }
  t.assert.equal((await app.inject({ method: 'OPTIONS', url: '/', headers })).statusCode, 204)
})
