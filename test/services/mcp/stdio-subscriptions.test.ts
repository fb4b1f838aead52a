import { PassThrough } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { serveStdio } from '../../../services/mcp/stdio.ts'
import { noTrace } from '../../../services/telemetry/trace.ts'
import { type BuiltApp, buildApp } from '../../support/app.ts'
import { someBytes, storeImage } from '../../support/library-images.ts'
import { messageErrors } from '../../support/mcp-schema.ts'
import { modernMeta } from '../../support/modern-client.ts'
import { SUBSCRIPTION_ID } from '../../support/subscription.ts'

interface Line {
  id?: unknown
  method?: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever the server sent
  params?: any
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever the server sent
  result?: any
  error?: { code: number }
}

/** The whole service with one client on a pair of streams. */
async function connect(t: TestContext, version: string): Promise<BuiltApp & ReturnType<typeof talk>> {
  const built = await buildApp(t, {}, { transport: 'stdio', timing: { collectMs: 20 } })
  return { ...built, ...talk(t, built, version) }
}

function talk(t: TestContext, { app }: BuiltApp, version: string) {
  const [input, output] = [new PassThrough(), new PassThrough()]
  const { bufferPool: pool, mcp: dispatcher, log, drain } = app
  const options = {
    dispatcher,
    input,
    output,
    log,
    trace: noTrace,
    pool,
    enter: drain.enter,
    onForceClose: drain.onForceClose,
  }
  const done = serveStdio({ ...options, maxMessageBytes: 65_536, callDeadlineMs: 5_000, newRequestId: () => 'r' })
  const lines = output.iterator()
  let text = ''
  const say = (message: object) => input.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  async function next(): Promise<Line> {
    while (!text.includes('\n')) text += (await lines.next()).value
    const line = text.slice(0, text.indexOf('\n'))
    text = text.slice(line.length + 1)
    const message: Line = JSON.parse(line)
    t.assert.deepStrictEqual(messageErrors(version, undefined, message), [])
    return message
  }
  async function ask(id: number, method: string, params: object = {}): Promise<Line> {
    say({ id, method, params })
    return await next()
  }
  return { say, next, ask, input, done, close: () => void input.end() }
}

async function shakeHands(ask: (id: number, method: string, params: object) => Promise<Line>, version: string) {
  const clientInfo = { name: 'test', version: '1' }
  return (await ask(1, 'initialize', { protocolVersion: version, capabilities: {}, clientInfo })).result.capabilities
}

const listChanged = { jsonrpc: '2.0', method: 'notifications/resources/list_changed' }

for (const version of ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25']) {
  test(`a client of ${version} is told of changed lists and of the images to which it subscribes`, async (t: TestContext) => {
    const { app, ask, next } = await connect(t, version)
    const { tools, resources } = await shakeHands(ask, version)
    t.assert.deepStrictEqual(
      { tools, resources },
      { tools: { listChanged: true }, resources: { subscribe: true, listChanged: true } },
    )
    const { id } = await storeImage(app, { bytes: someBytes() })
    t.assert.deepStrictEqual(await next(), listChanged)
    const uri = `image://${id}`
    t.assert.deepStrictEqual((await ask(2, 'resources/subscribe', { uri })).result, {})
    const access = { owner: 'stdio', uses: 'all', canList: true, changes: 'all' } as const
    await app.library?.update(id, { tags: ['x'] }, access)
    t.assert.deepStrictEqual(await next(), {
      jsonrpc: '2.0',
      method: 'notifications/resources/updated',
      params: { uri },
    })
    t.assert.deepStrictEqual((await ask(3, 'resources/unsubscribe', { uri })).result, {})
    await app.library?.remove(id, access)
    t.assert.deepStrictEqual(await next(), listChanged, 'and nothing of the image')
  })
}

test('a client that has not shaken hands is told nothing unasked, and has nothing to subscribe with', async (t: TestContext) => {
  const { app, ask } = await connect(t, '2025-03-26')
  t.assert.strictEqual((await ask(1, 'resources/subscribe', { uri: 'image:///x.png' })).error?.code, -32601)
  await storeImage(app, { bytes: someBytes() })
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.assert.strictEqual((await ask(2, 'ping')).id, 2, 'the next line')
})

test('at most 100 resources are subscribed to', async (t: TestContext) => {
  const { ask } = await connect(t, '2025-11-25')
  await shakeHands(ask, '2025-11-25')
  for (let id = 0; id < 100; id++) await ask(id, 'resources/subscribe', { uri: `image:///${id}` })
  t.assert.strictEqual((await ask(100, 'resources/subscribe', { uri: 'image:///x' })).error?.code, -32602)
  t.assert.deepStrictEqual((await ask(101, 'resources/subscribe', { uri: 'image:///1' })).result, {}, 'it has this one')
})

const VERSION = '2026-07-28'
const listen = (notifications: object) => ({
  method: 'subscriptions/listen',
  params: { notifications, _meta: modernMeta({}) },
})

test('modern subscriptions share the pipe, each with its id, and end with notifications/cancelled', async (t: TestContext) => {
  const { app, say, next, close, done } = await connect(t, VERSION)
  for (const id of ['a', 'b']) say({ id, ...listen({ resourcesListChanged: true }) })
  const acknowledged = [await next(), await next()]
  t.assert.deepStrictEqual(
    acknowledged.map(({ method, params }) => [method, params._meta[SUBSCRIPTION_ID]]),
    ['a', 'b'].map((id) => ['notifications/subscriptions/acknowledged', id]),
  )
  await storeImage(app, { bytes: someBytes() })
  const told = [await next(), await next()].map(({ params }) => params._meta[SUBSCRIPTION_ID])
  t.assert.deepStrictEqual(told.sort(), ['a', 'b'])
  say({ method: 'notifications/cancelled', params: { requestId: 'a' } })
  say({ id: 1, method: 'tools/list', params: { _meta: modernMeta({}) } })
  t.assert.strictEqual((await next()).id, 1)
  await storeImage(app, { bytes: someBytes() })
  t.assert.strictEqual((await next()).params._meta[SUBSCRIPTION_ID], 'b', 'nothing more for the cancelled one')
  close()
  await done
  t.assert.strictEqual(app.subscriptions.count, 0)
})

test('the end of the process ends a subscription in order', async (t: TestContext) => {
  const { app, say, next } = await connect(t, VERSION)
  say({ id: 'a', ...listen({ toolsListChanged: true }) })
  await next()
  const closed = app.close()
  t.assert.partialDeepStrictEqual(await next(), {
    id: 'a',
    result: { resultType: 'complete', _meta: { [SUBSCRIPTION_ID]: 'a' } },
  })
  t.assert.deepStrictEqual(await next(), {
    jsonrpc: '2.0',
    method: 'notifications/cancelled',
    params: { requestId: 'a' },
  })
  await closed
})

test('open subscriptions take no turn of a call', async (t: TestContext) => {
  const { say, next } = await connect(t, VERSION)
  for (let id = 0; id < 32; id++) {
    say({ id, ...listen({ toolsListChanged: true }) })
    await next()
  }
  for (let id = 100; id < 160; id++) say({ id, method: 'tools/list', params: { _meta: modernMeta({}) } })
  for (let count = 0; count < 60; count++) t.assert.strictEqual((await next()).error, undefined)
  say({ id: 200, ...listen({ toolsListChanged: true }) })
  t.assert.strictEqual((await next()).error?.code, 429)
})
