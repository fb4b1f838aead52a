import { type TestContext, test } from 'node:test'
import { Redis } from 'ioredis'
import { createBullQueue } from '../../../../services/calls/jobs/bullmq-queue.ts'
import { defaultJobTiming } from '../../../../services/calls/jobs/job-timing.ts'
import { connectTo, startRedis } from '../../../support/redis.ts'
import { waitFor } from '../../../support/wait-for.ts'

test('a queue that Redis rejects leaves no connection behind, and opens as soon as Redis lets it', async (t: TestContext) => {
  const { url } = await startRedis(t)
  const admin = new Redis(url)
  t.after(() => admin.disconnect())
  admin.on('error', () => {})
  const permissions = (...rules: string[]) => admin.call('ACL', 'SETUSER', 'service', 'on', '>secret', ...rules)
  // BullMQ asks each connection for the version, and gives up if it is not told.
  await permissions('~*', '&*', '+@all', '-info')
  const own = url.replace('//', '//service:secret@')
  const connections = async () => Number(/connected_clients:(\d+)/.exec(await admin.info('clients'))?.[1])

  let attempts = 0
  const ignore = () => {}
  const countAttempts = (_fields: object, message: string) => {
    if (message.includes('cannot be opened')) attempts++
  }
  const log = { debug: ignore, info: ignore, warn: countAttempts, error: ignore }
  const redis = await connectTo(t, { url: own })
  const claim = () => Promise.resolve(undefined)
  const queue = createBullQueue({ url: own, redis, claim, maxRunning: 1, timing: defaultJobTiming, log })
  t.after(() => queue.close())
  const before = redis.client.listenerCount('error')
  queue.start(() => Promise.resolve('done'))

  // Of the queue and of its worker.
  await waitFor('the first attempts', () => attempts >= 2)
  const first = await connections()
  await waitFor('more attempts', () => attempts >= 6)
  t.assert.ok((await connections()) <= first, `${await connections()} connections instead of ${first}`)
  t.assert.ok(redis.client.listenerCount('error') <= before + 1)

  await permissions('+info')
  await waitFor('the queue', () => queue.state === 'shared')
})
