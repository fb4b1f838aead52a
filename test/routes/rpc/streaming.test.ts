import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { Base64Image } from '../../../services/bytes/base64-image.ts'
import type { CallContext, ToolResult } from '../../../services/calls/types.ts'
import { listen } from '../../support/app.ts'
import { type OpenCall, openCall } from '../../support/event-stream.ts'
import { createWaitingTool } from '../../support/fixture-catalog.ts'
import { verifies } from '../../support/verifies.ts'

const call = (meta?: object) => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'wait', ...(meta === undefined ? {} : { _meta: meta }) },
})
const withToken = call({ progressToken: 'p1' })
const response = { jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text: 'done' }] } }
const progress = (value: number, message: string) => ({
  message: {
    jsonrpc: '2.0',
    method: 'notifications/progress',
    params: { progressToken: 'p1', progress: value, message },
  },
})

/** The next event, as if no time had passed. */
const atOnce = async ({ next }: OpenCall): Promise<unknown> =>
  JSON.parse(JSON.stringify(await next()).replace(/\(\d+ s\)/, '(0 s)'))

async function start(t: TestContext, timing = {}) {
  const tool = createWaitingTool()
  const built = await listen(t, {}, { extendCatalog: () => tool.catalog, timing })
  return { ...tool, ...built }
}

verifies(
  ['progress-rises', 'no-buffering'],
  'streams progress with rising values, then the response, then ends',
  async (t: TestContext) => {
    const { url, started, finish } = await start(t)
    const opening = openCall(url, withToken)
    const context = await started
    context.progress('waiting for a turn')
    const stream = await opening
    t.assert.strictEqual(stream.status, 200)
    t.assert.strictEqual(stream.headers['content-type'], 'text/event-stream')
    t.assert.strictEqual(stream.headers['x-accel-buffering'], 'no')
    t.assert.deepStrictEqual(await stream.next(), {})
    t.assert.deepStrictEqual(await stream.next(), progress(1, 'waiting for a turn'))
    context.progress('drawing')
    t.assert.deepStrictEqual(await stream.next(), progress(2, 'drawing'))
    finish()
    t.assert.deepStrictEqual(await stream.rest(), [{ message: response }])
  },
)

test('sends no progress after the response', async (t: TestContext) => {
  const { url, started, finish } = await start(t)
  const opening = openCall(url, withToken)
  const context = await started
  finish()
  t.assert.deepStrictEqual(await (await opening).rest(), [{ message: response }])
  t.assert.doesNotThrow(() => context.progress('too late'))
})

test('repeats the last progress during silence', async (t: TestContext) => {
  const { url, started, finish } = await start(t, { progressRepeatMs: 20 })
  const opening = openCall(url, withToken)
  const context = await started
  context.progress('drawing')
  const stream = await opening
  await stream.next()
  await stream.next()
  t.assert.deepStrictEqual(await atOnce(stream), progress(2, 'drawing (0 s)'))
  t.assert.deepStrictEqual(await atOnce(stream), progress(3, 'drawing (0 s)'))
  finish()
})

test('repeats an expected wait with what is left of it', async (t: TestContext) => {
  const { url, started, finish } = await start(t, { progressRepeatMs: 20 })
  const opening = openCall(url, withToken)
  const context = await started
  const waits = [40_000, 25_200, 900]
  context.progress('queued', () => waits.shift() ?? 0)
  const stream = await opening
  await stream.next()
  t.assert.deepStrictEqual(await stream.next(), progress(1, 'waiting in the queue for Azure (about 40 s)'))
  t.assert.deepStrictEqual(await stream.next(), progress(2, 'waiting in the queue for Azure (about 26 s)'))
  t.assert.deepStrictEqual(await atOnce(stream), progress(3, 'waiting in the queue for Azure (0 s)'))
  finish()
})

test('sends progress to a client with a token even if a tool reports nothing', async (t: TestContext) => {
  const { url, finish } = await start(t, { progressRepeatMs: 20 })
  const stream = await openCall(url, withToken)
  t.assert.deepStrictEqual(await stream.next(), {})
  t.assert.deepStrictEqual(await atOnce(stream), progress(1, 'working (0 s)'))
  finish()
})

verifies(
  'progress-token',
  'sends no progress without a token, but comments once a response takes long',
  async (t: TestContext) => {
    const { url, started, finish } = await start(t, { streamAfterMs: 10, commentEveryMs: 10 })
    const opening = openCall(url, call())
    ;(await started).progress('drawing')
    const stream = await opening
    t.assert.strictEqual(stream.headers['content-type'], 'text/event-stream')
    t.assert.deepStrictEqual(await stream.next(), {})
    t.assert.deepStrictEqual(await stream.next(), {})
    finish()
    const rest = await stream.rest()
    t.assert.deepStrictEqual(rest.at(-1), { message: response })
  },
)

for (const [what, message] of [
  ['a call', call()],
  ['a call with a token', withToken],
] as const) {
  test(`opens the stream of ${what} with a comment at once, and with it the headers`, async (t: TestContext) => {
    // Nothing but the opening can send the headers: the next sign of life is a minute away.
    const { url, finish } = await start(t, { streamAfterMs: 50, commentEveryMs: 60_000, progressRepeatMs: 60_000 })
    const stream = await openCall(url, message)
    t.assert.strictEqual(stream.headers['content-type'], 'text/event-stream')
    t.assert.deepStrictEqual(await stream.next(), {})
    finish()
    t.assert.deepStrictEqual(await stream.rest(), [{ message: response }])
  })
}

test('responds in JSON if it is quick and has no token', async (t: TestContext) => {
  const { url, finish } = await start(t)
  finish()
  const { headers } = await openCall(url, call())
  t.assert.strictEqual(headers['content-type'], 'application/json; charset=utf-8')
})

test('sends a caller of JSON nothing before the response, however much there is to tell', async (t: TestContext) => {
  const { app, url, started, finish } = await start(t, { streamAfterMs: 0, commentEveryMs: 1 })
  const connected = once(app.server, 'connection')
  const opening = openCall(url, withToken, {}, 'application/json')
  const context = await started
  const [socket] = await connected
  context.progress('drawing')
  await new Promise((resolve) => setTimeout(resolve, 5))
  t.assert.strictEqual(socket.bytesWritten, 0)
  finish()
  t.assert.strictEqual((await opening).headers['content-type'], 'application/json; charset=utf-8')
})

test('returns protocol errors with their status, even with a progress token', async (t: TestContext) => {
  const { url } = await start(t)
  const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', progressToken: 'p1' }
  const response = await openCall(url, call(meta), { 'mcp-protocol-version': '2026-07-28' })
  t.assert.strictEqual(response.status, 400)
  t.assert.strictEqual(response.headers['content-type'], 'application/json; charset=utf-8')
})

test('never streams a batch', async (t: TestContext) => {
  const { url, started, finish } = await start(t, { streamAfterMs: 1 })
  const opening = openCall(url, [withToken])
  ;(await started).progress('drawing')
  finish()
  const { headers } = await opening
  t.assert.strictEqual(headers['content-type'], 'application/json; charset=utf-8')
})

verifies('cancel-http', 'a client that disconnects before the response stops the work', async (t: TestContext) => {
  const { app, url, started, fail } = await start(t)
  const opening = openCall(url, withToken)
  const context = await started
  context.progress('drawing')
  const stream = await opening
  t.assert.strictEqual(context.signal.aborted, false)
  stream.disconnect()
  await once(context.signal, 'abort')
  fail(new Error('the socket is gone'))
  await app.close()
  const { body } = { body: await app.metrics.registry.metrics() }
  t.assert.match(body, /tool_calls_total\{tool="wait",outcome="cancelled",door="mcp"\} 1/)
})

test('a JSON client that disconnects stops the work too', async (t: TestContext) => {
  const { url, started, finish } = await start(t)
  const disconnected = new AbortController()
  const asked = fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(call()),
    signal: disconnected.signal,
  })
  const context = await started
  disconnected.abort()
  await t.assert.rejects(asked)
  await once(context.signal, 'abort')
  finish()
})

test('an answered call is not cancelled when its connection closes', async (t: TestContext) => {
  const { app, url, started, finish } = await start(t)
  finish()
  await (await openCall(url, withToken)).rest()
  const { signal } = await started
  await app.close()
  t.assert.strictEqual(signal.aborted, false)
})

test('a response that cannot be sent breaks its own stream only', async (t: TestContext) => {
  const image = new Base64Image({ mimeType: 'image/png', width: 1, height: 1 }, 3, {
    chunks() {
      throw new Error('gone')
    },
    async [Symbol.asyncDispose]() {},
  })
  const { promise: opened, resolve: open } = Promise.withResolvers<void>()
  const tool = createWaitingTool().catalog.tools.map((waiting) => ({
    ...waiting,
    call: async (_args: unknown, context: CallContext): Promise<ToolResult> => {
      context.progress('drawing')
      await opened
      return { content: [{ type: 'image', data: image, mimeType: image.mimeType }] }
    },
  }))
  const { url, logs } = await listen(t, {}, { extendCatalog: () => ({ tools: tool }) })
  const stream = await openCall(url, withToken)
  await stream.next()
  open()
  await t.assert.rejects(stream.rest())
  t.assert.match(logs.text, /sending the response failed/)
  t.assert.strictEqual((await fetch(`${url}/health`)).status, 200)
})
