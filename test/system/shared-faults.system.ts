import { describe, type TestContext, test } from 'node:test'
import { Client } from 'pg'
import { AZURITE_KEY, startAzurite } from '../support/azurite.ts'
import { eagerJobTiming } from '../support/eager-jobs.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { type RestartableRedis, startRestartableRedis } from '../support/restartable-redis.ts'
import { callTool, post, type Service, startService } from '../support/service.ts'
import { type StorageProxy, startStorageProxy } from '../support/storage-proxy.ts'
import { readiness } from '../support/system/replicas.ts'
import { waitFor } from '../support/wait-for.ts'

/** What replicas share becomes slow or full, or is away for a while: docs/scaling.md promises what is tested here. */

interface Neighbours extends Service {
  redis: RestartableRedis
  postgres: Postgres
  storage: StorageProxy
  /** Sends SQL to the database of the service, in a session of its own. */
  sql(...statements: string[]): Promise<void>
}

async function start(t: TestContext): Promise<Neighbours> {
  const [redis, postgres, azurite] = await Promise.all([startRestartableRedis(), startPostgres(), startAzurite()])
  const storage = await startStorageProxy(t, azurite.url)
  const DATABASE_URL = await postgres.createDatabase()
  const service = await startService(
    t,
    {
      REDIS_URL: redis.url,
      DATABASE_URL,
      AZURE_STORAGE_URL: storage.urlOf(await azurite.createContainer('images')),
      AZURE_STORAGE_KEY: AZURITE_KEY,
      SERVER_SECRET: 'the same on all replicas, and long enough',
      LIBRARY_WAIT_MS: '1500',
    },
    {},
    { jobTiming: eagerJobTiming },
  )
  // After the service is closed.
  t.after(async () => {
    for (const each of [redis, postgres, azurite]) await each[Symbol.asyncDispose]()
  })
  const neighbours: Neighbours = {
    ...service,
    redis,
    postgres,
    storage,
    async sql(...statements) {
      const client = new Client({ connectionString: DATABASE_URL })
      await client.connect()
      for (const statement of statements) await client.query(statement)
      await client.end()
    },
  }
  await waitFor('jobs to be shared', async () => (await readiness(neighbours)).jobs === 'shared')
  return neighbours
}

/** A call that waits for its image, and the milliseconds that it took. */
async function generate({ url }: Service, args: object = {}) {
  const startedAt = performance.now()
  const result = await callTool(url, 'generate_image', { prompt: 'a red fox', ...args })
  return { ...result, ms: performance.now() - startedAt }
}

async function submit({ url }: Service): Promise<{ status: number; text: string; job_id: string }> {
  const params = { name: 'generate_image', arguments: { prompt: 'a job', job: true } }
  const { status, response } = await post(url, JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }))
  const text = response.error?.message ?? response.result?.content[0]?.text ?? ''
  return { status, text, job_id: /job_[0-9a-f]{32}/.exec(text)?.[0] ?? '' }
}

const resultOf = ({ url }: Service, job_id: string) => callTool(url, 'get_job', { job_id, wait_ms: 25_000 })

/** A call that waits gets its image; a new job gets a clear 503 and costs nothing. */
async function checkCallsButNoJobs(t: TestContext, service: Neighbours): Promise<void> {
  const { images, text, ms } = await generate(service)
  t.assert.strictEqual(images.length, 1, text)
  t.assert.ok(ms < 20_000, `the call took ${ms} ms`)
  const sent = service.simulator.requests.length
  const { status, text: reason } = await submit(service)
  t.assert.strictEqual(status, 503, reason)
  t.assert.match(
    reason,
    /^Jobs are not available at the moment; retry in \d+ s, or call without "job"\. Nothing was billed\.$/,
  )
  t.assert.strictEqual(service.simulator.requests.length, sent)
}

/** Everything works again, what was queued before included. */
async function checkRecovery(t: TestContext, service: Neighbours): Promise<void> {
  const accepted = await waitFor(
    'jobs to be accepted again',
    async () => {
      const submitted = await submit(service)
      return submitted.status === 200 && submitted.job_id !== '' ? submitted : undefined
    },
    { limitMs: 90_000 },
  )
  t.assert.strictEqual((await resultOf(service, accepted.job_id)).images.length, 1)
}

describe('Redis', { timeout: 600_000 }, () => {
  for (const [fault, begin, end] of [
    ['is away', (redis) => redis.crash(), (redis) => redis.start()],
    ['hangs', async (redis) => void redis.child.kill('SIGSTOP'), async (redis) => void redis.child.kill('SIGCONT')],
    [
      'is full',
      (redis) => redis.run('config', 'set', 'maxmemory', '1'),
      (redis) => redis.run('config', 'set', 'maxmemory', '0'),
    ],
  ] satisfies [
    string,
    (redis: RestartableRedis) => Promise<unknown>,
    (redis: RestartableRedis) => Promise<unknown>,
  ][]) {
    test(`${fault}: calls go on with the limits of each replica, new jobs are rejected until it is back`, async (t: TestContext) => {
      const service = await start(t)
      const before = await submit(service)
      await begin(service.redis)
      await waitFor('the fault to be noticed', async () => (await readiness(service)).redis !== 'connected')
      await checkCallsButNoJobs(t, service)
      await end(service.redis)
      await checkRecovery(t, service)
      t.assert.strictEqual((await resultOf(service, before.job_id)).images.length, 1)
    })
  }
})

describe('Postgres', { timeout: 600_000 }, () => {
  test('is away: calls go on and their images are found later, new jobs are rejected until it is back', async (t: TestContext) => {
    const service = await start(t)
    const before = await submit(service)
    await resultOf(service, before.job_id)
    await service.postgres.crash()
    await checkCallsButNoJobs(t, service)
    const { text } = await generate(service, { prompt: 'made without the database' })
    const id = /img_[0-9a-z]{26}/.exec(text)?.[0] ?? ''
    await service.postgres.start()
    await checkRecovery(t, service)
    t.assert.strictEqual((await resultOf(service, before.job_id)).images.length, 1)
    await waitFor('the image to be found', async () => {
      return (await callTool(service.url, 'find_images', { query: 'without database' })).text.includes(id)
    })
  })

  test('takes no writes, as with a full disk: the same', async (t: TestContext) => {
    const service = await start(t)
    const disconnect = 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()'
    await service.sql('ALTER SYSTEM SET default_transaction_read_only = on', 'SELECT pg_reload_conf()', disconnect)
    await checkCallsButNoJobs(t, service)
    await service.sql(
      'SET default_transaction_read_only = off',
      'ALTER SYSTEM SET default_transaction_read_only = off',
      'SELECT pg_reload_conf()',
      disconnect,
    )
    await checkRecovery(t, service)
  })

  test('is slow, because another session locks the tables: the same', async (t: TestContext) => {
    const service = await start(t)
    const { job_id } = await submit(service)
    await resultOf(service, job_id)
    const session = new Client({ connectionString: service.app.config.library.databaseUrl?.reveal() })
    await session.connect()
    try {
      await session.query('BEGIN')
      await session.query('LOCK TABLE state.jobs, state.receipts, library.records IN ACCESS EXCLUSIVE MODE')
      await checkCallsButNoJobs(t, service)
    } finally {
      await session.end()
    }
    await checkRecovery(t, service)
  })
})

describe('Blob Storage', { timeout: 600_000 }, () => {
  for (const [name, fault] of [
    ['is away', 'away'],
    ['is slow', { delayMs: 4_000 }],
    ['rejects writes, as an account over its limit', { status: 403, code: 'AuthorizationFailure' }],
  ] as const) {
    test(`${name}: calls return their images without ids, and a job keeps its image until it is stored`, async (t: TestContext) => {
      const service = await start(t)
      service.storage.fault = ({ method }) => {
        if (fault === 'away') return { cutRequestAfter: 0 }
        return method === 'PUT' ? fault : undefined
      }
      const { images, text } = await generate(service)
      t.assert.strictEqual(images.length, 1, text)
      t.assert.doesNotMatch(text, /img_/)
      const { job_id } = await submit(service)
      await waitFor('the request of the job', () => service.simulator.requests.length >= 2)
      service.storage.fault = () => undefined
      const done = await waitFor(
        'the end of the job',
        async () => {
          const result = await resultOf(service, job_id)
          return result.isError || result.images.length > 0 ? result : undefined
        },
        { limitMs: 90_000 },
      )
      t.assert.strictEqual(done.images.length, 1, done.text)
    })
  }
})
