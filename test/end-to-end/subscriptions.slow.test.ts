import { type TestContext, test } from 'node:test'
import { someBytes, storeImage } from '../support/library-images.ts'
import { idIn } from '../support/library-round.ts'
import { modernRequest } from '../support/modern-client.ts'
import { callTool, startService } from '../support/service.ts'
import { subscribe } from '../support/subscription.ts'
import { verifies } from '../support/verifies.ts'
import { waitFor } from '../support/wait-for.ts'

const quick = { timing: { collectMs: 20 } }
const keys = { MCP_API_KEYS: 'ann:key-of-ann-0123456789,bob:key-of-bob-0123456789' }
const [ann, bob] = [{ key: 'key-of-ann-0123456789' }, { key: 'key-of-bob-0123456789' }]
const changing = { TOOLS: 'default,update_image,delete_image' }
const listChanged = { method: 'notifications/resources/list_changed', params: {} }
const updated = (uri: string) => ({ method: 'notifications/resources/updated', params: { uri } })
const call = (url: string, name: string, args: object, options = {}) =>
  modernRequest(url, 'tools/call', { name, arguments: args }, { capabilities: {}, ...options })

verifies(
  ['subscription-acknowledged', 'subscription-filter'],
  'an image that is stored, tagged, renamed and deleted is reported to those that watch lists or its URI',
  async (t: TestContext) => {
    const { url } = await startService(t, changing, {}, quick)
    const lists = await subscribe(url, { resourcesListChanged: true })
    t.assert.deepStrictEqual(lists.filter, { resourcesListChanged: true })
    const { text } = await callTool(url, 'generate_image', { prompt: 'a fox' })
    t.assert.deepStrictEqual(await lists.next(), listChanged)
    const id = idIn(text)
    const uris = [
      `image://${id}`,
      `IMAGE://${id}/`,
      `image://${id}/preview`,
      'image:///fox.png',
      'image:/fox.png',
      'image:///cat.png',
    ]
    const one = await subscribe(url, { resourceSubscriptions: uris })
    t.assert.deepStrictEqual(one.filter, { resourceSubscriptions: uris })
    const nextThree = async () => [await one.next(), await one.next(), await one.next()]
    await call(url, 'update_image', { id, tags: ['x'] })
    t.assert.deepStrictEqual(await nextThree(), uris.slice(0, 3).map(updated), 'the URIs as the client wrote them')
    await call(url, 'update_image', { id, name: 'fox.png' })
    t.assert.deepStrictEqual(
      [...(await nextThree()), await one.next(), await one.next()],
      uris.slice(0, 5).map(updated),
    )
    t.assert.deepStrictEqual(await lists.next(), listChanged, 'tags do not change the list')
    await call(url, 'update_image', { id, name: 'cat.png' })
    const all = [...(await nextThree()), ...(await nextThree())]
    t.assert.deepStrictEqual(new Set(all), new Set(uris.map(updated)), 'the former name and the new one')
    t.assert.deepStrictEqual(await lists.next(), listChanged)
    await call(url, 'delete_image', { id })
    t.assert.deepStrictEqual(await nextThree(), uris.slice(0, 3).map(updated))
    t.assert.deepStrictEqual(await one.next(), updated('image:///cat.png'))
    t.assert.deepStrictEqual(await lists.next(), listChanged)
  },
)

test('a burst of changes is one notification', async (t: TestContext) => {
  const { url, app } = await startService(t, {}, {}, quick)
  const image = await storeImage(app, { bytes: someBytes() })
  const { next } = await subscribe(url, { resourcesListChanged: true, toolsListChanged: true })
  // In one turn of the event loop, however busy the machine is.
  for (let count = 0; count < 20; count++) app.imageEvents.report(image, true)
  t.assert.deepStrictEqual(await next(), listChanged)
  await app.subscriptions.close()
  t.assert.deepStrictEqual(await next(), { result: { resultType: 'complete' } })
})

test("another caller's image behaves as an unknown one, and its changes are not in one's list", async (t: TestContext) => {
  const { url, app } = await startService(t, { ...keys, ...changing }, {}, quick)
  const { id } = await storeImage(app, { bytes: someBytes(), owner: 'key:ann', outputPath: 'secret.png' })
  const filter = { resourcesListChanged: true, resourceSubscriptions: [`image://${id}`, 'image:///secret.png'] }
  const [hers, his] = [await subscribe(url, filter, ann), await subscribe(url, filter, bob)]
  t.assert.deepStrictEqual(his.filter, filter, 'as for URIs of no image')
  await call(url, 'update_image', { id, name: 'other.png' }, ann)
  t.assert.deepStrictEqual(
    [await hers.next(), await hers.next(), await hers.next()].map(({ method }) => method).sort(),
    [listChanged.method, updated('').method, updated('').method],
  )
  await storeImage(app, { bytes: someBytes(), owner: 'key:bob' })
  t.assert.deepStrictEqual(await his.next(), listChanged, 'the first that he is told of')
  await call(url, 'delete_image', { id }, ann)
  app.subscriptions.close()
  t.assert.deepStrictEqual(await his.next(), { result: { resultType: 'complete' } })
})

test('without authentication no list is watched, but an image by its id is', async (t: TestContext) => {
  const { url, app } = await startService(t, { MCP_SERVER_HOST: '0.0.0.0' }, {}, quick)
  const discovered = await modernRequest(url, 'server/discover', {})
  t.assert.deepStrictEqual(discovered.result.capabilities.resources, { subscribe: true })
  const record = await storeImage(app, { bytes: someBytes() })
  const uri = `image://${record.id}`
  const { filter, next } = await subscribe(url, { resourcesListChanged: true, resourceSubscriptions: [uri] })
  t.assert.deepStrictEqual(filter, { resourceSubscriptions: [uri] })
  await app.library?.update(record.id, { tags: ['x'] }, { owner: 'x', uses: 'all', canList: true, changes: 'all' })
  t.assert.deepStrictEqual(await next(), updated(uri))
})

test('an image that retention removes is reported', async (t: TestContext) => {
  const { url, app } = await startService(t, { LIBRARY_MAX_BYTES: '5000' }, {}, quick)
  const { id } = await storeImage(app, { bytes: someBytes(4000) })
  const uri = `image://${id}`
  const { next } = await subscribe(url, { resourceSubscriptions: [uri] })
  await storeImage(app, { bytes: someBytes(4000) })
  t.assert.deepStrictEqual(await next(), updated(uri))
})

test('a changed list of tools is reported, an equal one is not', async (t: TestContext) => {
  let extra: 'none' | 'one' | 'changed' = 'none'
  const { url, app } = await startService(
    t,
    {},
    {},
    {
      ...quick,
      extendCatalog: (own) => ({
        ...own,
        get tools() {
          const tools = [...own.tools]
          return extra === 'none' ? [...tools] : cached(tools)
        },
      }),
    },
  )
  const changedTools: Record<string, typeof app.catalog.tools> = {}
  function cached(tools: typeof app.catalog.tools) {
    changedTools[extra] ??= extra === 'one' ? [...tools] : tools.slice(1)
    return changedTools[extra] ?? tools
  }
  const { next, filter } = await subscribe(url, { toolsListChanged: true, promptsListChanged: true })
  t.assert.deepStrictEqual(filter, { toolsListChanged: true }, 'the list of prompts never changes')
  extra = 'one'
  await new Promise((resolve) => setTimeout(resolve, 100))
  extra = 'changed'
  t.assert.deepStrictEqual(await next(), { method: 'notifications/tools/list_changed', params: {} })
  app.subscriptions.close()
  t.assert.deepStrictEqual(await next(), { result: { resultType: 'complete' } })
})

test('a task is reported in every state, with its result at the end', async (t: TestContext) => {
  const { url } = await startService(t, {}, {}, quick)
  const { taskId } = (
    await modernRequest(url, 'tools/call', { name: 'generate_image', arguments: { prompt: 'a fox' } })
  ).result
  const unknown = `job_${'0'.repeat(32)}`
  const { filter, next } = await subscribe(url, { taskIds: [taskId, unknown, taskId] })
  t.assert.deepStrictEqual(filter, { taskIds: [taskId] })
  for (;;) {
    const { method, params } = await next()
    t.assert.strictEqual(method, 'notifications/tasks')
    t.assert.strictEqual(params.taskId, taskId)
    if (params.status === 'working') continue
    const { result: got } = await modernRequest(url, 'tasks/get', { taskId })
    const { resultType: _, _meta: __, ...same } = got
    t.assert.deepStrictEqual(params, same, 'what tasks/get returns')
    t.assert.strictEqual(params.result.content[1].type, 'image')
    return
  }
})

test('tasks are watched by clients that declare Tasks, and by their own callers', async (t: TestContext) => {
  const { url } = await startService(t, keys, {}, quick)
  const { taskId } = (
    await modernRequest(url, 'tools/call', { name: 'generate_image', arguments: { prompt: 'x' } }, ann)
  ).result
  const without = await modernRequest(
    url,
    'subscriptions/listen',
    { notifications: { taskIds: [taskId] } },
    { ...ann, capabilities: {}, headers: { accept: 'text/event-stream, application/json' } },
  )
  t.assert.strictEqual(without.error?.code, -32021)
  const { filter, next } = await subscribe(url, { taskIds: [taskId] }, bob)
  t.assert.deepStrictEqual(filter, {})
  t.assert.deepStrictEqual(await next(), { result: { resultType: 'complete' } }, 'nothing could ever be sent')
})

verifies(
  'subscription-end',
  'a subscription ends with the shutdown, in order and without a delay',
  async (t: TestContext) => {
    const { url, app } = await startService(t, { SHUTDOWN_GRACE_MS: '25000' })
    const { next } = await subscribe(url, { toolsListChanged: true })
    const startedAt = performance.now()
    const closed = app.close()
    t.assert.deepStrictEqual(await next(), { result: { resultType: 'complete' } })
    await closed
    t.assert.ok(performance.now() - startedAt < 20_000)
  },
)

test('a subscription that has ended before it began watches nothing on', async (t: TestContext) => {
  const { url, app } = await startService(t)
  let watching = 0
  const { watch } = app.imageEvents
  t.mock.method(app.imageEvents, 'watch', (listener: Parameters<typeof watch>[0]) => {
    watching++
    const stop = watch(listener)
    return () => {
      watching--
      stop()
    }
  })
  const open = await subscribe(url, { resourcesListChanged: true })
  t.assert.strictEqual(watching, 1)
  app.subscriptions.close()
  t.assert.deepStrictEqual(await open.next(), { result: { resultType: 'complete' } })
  const late = await subscribe(url, { resourcesListChanged: true })
  t.assert.deepStrictEqual(await late.next(), { result: { resultType: 'complete' } })
  t.assert.strictEqual(watching, 0)
})

test('a client that disconnects ends its subscription; a caller has a limited number, whatever others have', async (t: TestContext) => {
  const { url, app } = await startService(t, { ...keys, RATE_LIMIT_PER_MINUTE: '0' }, {}, quick)
  const open = await Promise.all(Array.from({ length: 32 }, () => subscribe(url, { toolsListChanged: true }, ann)))
  t.assert.strictEqual(app.subscriptions.count, 32)
  const listen = () =>
    modernRequest(
      url,
      'subscriptions/listen',
      { notifications: { toolsListChanged: true } },
      { ...ann, headers: { accept: 'application/json, text/event-stream' } },
    )
  const { status, error } = await listen()
  t.assert.strictEqual(status, 429)
  t.assert.match(error?.message ?? '', /^You have 32 open subscriptions/)
  await subscribe(url, { toolsListChanged: true }, bob)
  for (const { disconnect } of open.slice(1)) disconnect()
  await waitFor('the end of subscriptions', async () => app.subscriptions.count === 2)
  await subscribe(url, { toolsListChanged: true }, ann)
  t.assert.match(await app.metrics.registry.metrics(), /image_mcp_subscriptions 3/)
})

for (const [what, notifications] of [
  ['101 URIs', { resourceSubscriptions: Array.from({ length: 101 }, (_, at) => `image:///${at}`) }],
  [
    'URIs of 17,000 characters',
    { resourceSubscriptions: Array.from({ length: 5 }, () => `image:///${'x'.repeat(3400)}`) },
  ],
  ['33 tasks', { taskIds: Array.from({ length: 33 }, (_, at) => `job_${at}`) }],
  ['a URI that is no text', { resourceSubscriptions: [5] }],
  ['a filter that is no boolean', { toolsListChanged: 'yes' }],
] as const) {
  test(`a filter with ${what} is rejected`, async (t: TestContext) => {
    const { url } = await startService(t)
    const { error } = await modernRequest(
      url,
      'subscriptions/listen',
      { notifications },
      { headers: { accept: 'application/json, text/event-stream' } },
    )
    t.assert.strictEqual(error?.code, -32602)
  })
}

test('a subscription needs an event stream', async (t: TestContext) => {
  const { url, app } = await startService(t)
  const { status, error } = await modernRequest(url, 'subscriptions/listen', {
    notifications: { toolsListChanged: true },
  })
  t.assert.strictEqual(status, 406)
  t.assert.match(error?.message ?? '', /accept text\/event-stream/)
  t.assert.strictEqual(app.subscriptions.count, 0)
})

test('a subscription needs a filter', async (t: TestContext) => {
  const { url } = await startService(t)
  const { error } = await modernRequest(
    url,
    'subscriptions/listen',
    {},
    { headers: { accept: 'application/json, text/event-stream' } },
  )
  t.assert.strictEqual(error?.code, -32602)
})
