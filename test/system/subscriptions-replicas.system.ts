import { type TestContext, test } from 'node:test'
import { Redis } from 'ioredis'
import { someBytes, storeImage } from '../support/library-images.ts'
import { startRedis } from '../support/redis.ts'
import { startService } from '../support/service.ts'
import { subscribe } from '../support/subscription.ts'
import { waitFor } from '../support/wait-for.ts'

const quick = { timing: { collectMs: 20 } }
const keys = { MCP_API_KEYS: 'ann:key-of-ann-0123456789,bob:key-of-bob-0123456789' }
const [ann, bob] = [{ key: 'key-of-ann-0123456789' }, { key: 'key-of-bob-0123456789' }]
const listChanged = { method: 'notifications/resources/list_changed', params: {} }
const updated = (uri: string) => ({ method: 'notifications/resources/updated', params: { uri } })

/** Two replicas, and everything that they say on Redis. */
async function startReplicas(t: TestContext) {
  const redis = await startRedis(t)
  const environment = { ...keys, REDIS_URL: redis.url, SERVER_SECRET: 'the same on all replicas, and long enough' }
  const replicas = await Promise.all([startService(t, environment, {}, quick), startService(t, environment, {}, quick)])
  const [one, other] = replicas
  for (const { app } of replicas) await waitFor('Redis', () => app.redis?.isUsable)
  const said: string[] = []
  const listener = new Redis(redis.url)
  listener.on('error', () => {})
  t.after(() => listener.disconnect())
  await listener.psubscribe('*')
  listener.on('pmessage', (_pattern, _channel, message) => void said.push(message))
  return { redis, one, other, said }
}

test("an image of one replica is reported by another, to its owner only, and the channel tells no one's ids", async (t: TestContext) => {
  const { one, other, said } = await startReplicas(t)
  const { id } = await storeImage(one.app, { bytes: someBytes(), owner: 'key:ann', outputPath: 'secret.png' })
  const filter = { resourcesListChanged: true, resourceSubscriptions: [`image://${id}`, 'image:///secret.png'] }
  const [hers, his] = [await subscribe(other.url, filter, ann), await subscribe(other.url, filter, bob)]
  const access = { owner: 'key:ann', uses: 'own', canList: true, changes: 'own' } as const
  await one.app.library?.update(id, { tags: ['x'] }, access)
  t.assert.deepStrictEqual([await hers.next(), await hers.next()], filter.resourceSubscriptions.map(updated))
  await storeImage(one.app, { bytes: someBytes(), owner: 'key:ann' })
  t.assert.deepStrictEqual(await hers.next(), listChanged)
  await storeImage(one.app, { bytes: someBytes(), owner: 'key:bob' })
  t.assert.deepStrictEqual(await his.next(), listChanged, 'the first that he is told of')
  t.assert.ok(said.length >= 4)
  t.assert.doesNotMatch(said.join(''), /img_|secret|ann|bob/)
})

test('after Redis was away clients look again, and changes are reported as before', async (t: TestContext) => {
  const { redis, one, other } = await startReplicas(t)
  const uri = 'image:///some.png'
  const { next } = await subscribe(other.url, { resourcesListChanged: true, resourceSubscriptions: [uri] }, ann)
  redis.child.kill('SIGKILL')
  await waitFor('the loss of Redis', () => !one.app.redis?.isUsable && !other.app.redis?.isUsable)
  await storeImage(one.app, { bytes: someBytes(), owner: 'key:ann' })
  const { port } = redis
  await startRedis(t, { port })
  const first = [await next(), await next()]
  t.assert.deepStrictEqual(first.map(({ method }) => method).sort(), [listChanged.method, updated(uri).method].sort())
  await waitFor('Redis', () => one.app.redis?.isUsable)
  await storeImage(one.app, { bytes: someBytes(), owner: 'key:ann' })
  for (;;) if ((await next()).method === listChanged.method) return
})

test('without Redis each replica tells of its own images', async (t: TestContext) => {
  const { url, app } = await startService(t, {}, {}, quick)
  const { next } = await subscribe(url, { resourcesListChanged: true })
  await storeImage(app, { bytes: someBytes() })
  t.assert.deepStrictEqual(await next(), listChanged)
})

test('what is no message of this service is ignored', async (t: TestContext) => {
  const { redis, one, other } = await startReplicas(t)
  const { next } = await subscribe(other.url, { resourcesListChanged: true }, ann)
  const client = new Redis(redis.url)
  t.after(() => client.disconnect())
  for (const text of ['', '{', 'null', '[]', '{"from":5}', '{"from":"x","change":{"owner":"a"}}', '{"change":null}']) {
    await client.publish('azure-image-editor:image-events', text)
  }
  await storeImage(one.app, { bytes: someBytes(), owner: 'key:ann' })
  t.assert.deepStrictEqual(await next(), listChanged)
  other.app.subscriptions.close()
  t.assert.deepStrictEqual(await next(), { result: { resultType: 'complete' } })
})
