import { once } from 'node:events'
import { createServer } from 'node:net'
import { after, before, type TestContext, test } from 'node:test'
import { inspect } from 'node:util'
import { Client } from 'pg'
import { DatabaseUnavailableError } from '../../../../services/databases/unavailable.ts'
import { openPostgresIndex } from '../../../../services/library/records/postgres-index.ts'
import { imageRecord } from '../../../support/image-records.ts'
import { type Postgres, startPostgres } from '../../../support/postgres.ts'
import { describeRecordIndex } from '../../../support/record-index-rules.ts'

/** Far more than the second after which a call is given up; without that it would wait for minutes. */
const SOON_MS = 15_000
const PASSWORD = 'secret-of-the-database'

let postgres: Postgres
before(async () => {
  postgres = await startPostgres()
})
after(() => postgres[Symbol.asyncDispose]())

describeRecordIndex('postgres', async () => {
  const url = await postgres.createDatabase()
  return (await openPostgresIndex({ url, onError: () => {} })).index
})

async function opening(t: TestContext, url: string) {
  const opened = await openPostgresIndex({ url, onError: () => {} })
  t.after(() => opened.index[Symbol.asyncDispose]())
  return opened
}

async function assertUnavailable(t: TestContext, call: () => Promise<unknown>): Promise<void> {
  const start = performance.now()
  await t.assert.rejects(call, (error: unknown) => {
    t.assert.ok(error instanceof DatabaseUnavailableError, inspect(error))
    t.assert.ok(!inspect(error, { depth: 9 }).includes(PASSWORD))
    return true
  })
  t.assert.ok(performance.now() - start < SOON_MS)
}

test('any number of replicas may start at once, and one of them makes the tables', async (t: TestContext) => {
  const url = await postgres.createDatabase()
  const opened = await Promise.all(Array.from({ length: 8 }, () => opening(t, url)))
  t.assert.equal(opened.filter(({ isEmpty }) => isEmpty).length, 1)
  const records = opened.map((_, second) => imageRecord(second))
  await Promise.all(opened.map(({ index }, at) => index.put(records.slice(at, at + 1))))
  for (const { index } of opened) t.assert.equal((await index.find({ limit: 50 })).records.length, 8)
})

test('two replicas that put the same record at once leave one', async (t: TestContext) => {
  const url = await postgres.createDatabase()
  const [one, two] = [await opening(t, url), await opening(t, url)]
  for (let second = 0; second < 20; second++) {
    const record = imageRecord(second)
    await Promise.all([one.index.put([record]), two.index.put([{ ...record, tags: ['x'] }])])
  }
  t.assert.equal((await one.index.find({ limit: 50 })).records.length, 20)
})

test('a call fails soon while the database is gone, and succeeds when it is back', async (t: TestContext) => {
  const { index } = await opening(t, await postgres.createDatabase())
  await index.put([imageRecord(1)])
  await postgres.crash()
  for (let attempt = 0; attempt < 3; attempt++) await assertUnavailable(t, () => index.find({ limit: 1 }))
  await postgres.start()
  t.assert.equal((await index.find({ limit: 1 })).records.length, 1)
})

test('an index that is opened before its database is there works once it is', async (t: TestContext) => {
  const url = await postgres.createDatabase()
  await postgres.crash()
  const { index, isEmpty } = await opening(t, url)
  t.assert.equal(isEmpty, true)
  await assertUnavailable(t, () => index.put([imageRecord(1)]))
  await postgres.start()
  await index.put([imageRecord(1)])
  t.assert.equal((await index.find({ limit: 1 })).records.length, 1)
})

test('a call fails soon while the database does not respond, and others do not wait for it', async (t: TestContext) => {
  const url = await postgres.createDatabase()
  const { index } = await opening(t, url)
  const client = new Client({ connectionString: url })
  await client.connect()
  t.after(() => client.end())
  await client.query('BEGIN; LOCK TABLE library.records IN ACCESS EXCLUSIVE MODE')
  await Promise.all(Array.from({ length: 30 }, () => assertUnavailable(t, () => index.find({ limit: 1 }))))
  await client.query('ROLLBACK')
  t.assert.deepEqual((await index.find({ limit: 1 })).records, [])
})

test('a server that accepts connections and is silent is given up', async (t: TestContext) => {
  const sockets = new Set<{ destroy(): void }>()
  const server = createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  const { index } = await opening(t, `postgres://ann:${PASSWORD}@127.0.0.1:${port}/images`)
  await assertUnavailable(t, () => index.find({ limit: 1 }))
})

for (const url of [
  `postgres://ann:${PASSWORD}@127.0.0.1:1/images`,
  `postgres://ann:${PASSWORD}@[nowhere/images`,
  `postgres://ann:${PASSWORD}@127.0.0.1:99999/images`,
  `postgres://ann:${PASSWORD}@127.0.0.1:1/images?sslmode=nonsense`,
  `postgres://ann:${PASSWORD}@127.0.0.1:1/images?sslrootcert=/nowhere`,
  `postgres://ann:a%zz${PASSWORD}@127.0.0.1:1/images`,
]) {
  test(`no error has the password of ${url.replace(PASSWORD, '…')}`, async (t: TestContext) => {
    await assertUnavailable(t, async () => {
      const { index } = await opening(t, url)
      await index.find({ limit: 1 })
    })
  })
}

test('work that one replica does is not done by another meanwhile', async (t: TestContext) => {
  const url = await postgres.createDatabase()
  const [one, two] = [await opening(t, url), await opening(t, url)]
  const done: string[] = []
  await one.index.alone(async () => {
    done.push('one')
    await two.index.alone(async () => void done.push('two'))
  })
  await two.index.alone(async () => void done.push('two later'))
  t.assert.deepEqual(done, ['one', 'two later'])
})

test('a connection that breaks during work of one replica does not end the process', async (t: TestContext) => {
  const { index } = await opening(t, await postgres.createDatabase())
  const work = index.alone(async () => {
    await postgres.crash()
    await postgres.start()
  })
  await t.assert.rejects(work, DatabaseUnavailableError)
  await index.put([imageRecord(1)])
})
