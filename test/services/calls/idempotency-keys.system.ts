import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { createIdempotencyKeys } from '../../../services/calls/idempotency-keys.ts'
import { migrations } from '../../../services/calls/state-tables.ts'
import { openPostgresState } from '../../../services/databases/postgres-state.ts'
import { openSqliteState } from '../../../services/databases/sqlite-state.ts'
import type { StateDatabase } from '../../../services/databases/state-database.ts'
import { type Postgres, startPostgres } from '../../support/postgres.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const HOUR = 3_600_000

/** Processes that share one database, each with a connection of its own, and one clock. */
async function startProcesses(t: TestContext, open: () => Promise<() => StateDatabase>) {
  const world = { now: Date.UTC(2030, 0, 1) }
  const connect = await open()
  return {
    world,
    start(runner: string) {
      const database = connect()
      t.after(() => database[Symbol.asyncDispose]())
      return createIdempotencyKeys({ database, runner, ttlMs: 24 * HOUR, now: () => world.now })
    },
  }
}

function rules(open: (t: TestContext) => Promise<() => StateDatabase>): void {
  test('of many processes at once one gets the key', async (t: TestContext) => {
    const { start } = await startProcesses(t, () => open(t))
    const processes = Array.from({ length: 4 }, (_, n) => start(`p${n}`))
    for (let round = 0; round < 20; round++) {
      const claims = await Promise.all(processes.map((keys) => keys.claim(`k${round}`, 'f')))
      t.assert.equal(claims.filter((known) => known === undefined).length, 1)
    }
  })

  test('the result of a key is for everyone, for its time', async (t: TestContext) => {
    const { start, world } = await startProcesses(t, () => open(t))
    const [a, b] = [start('a'), start('b')]
    t.assert.equal(await a.claim('k', 'f'), undefined)
    t.assert.equal(await a.markSent('k'), true)
    const job = { id: 'job_1', text: 'later' }
    await a.complete('k', { job })
    t.assert.partialDeepStrictEqual(await b.claim('k', 'other'), {
      progress: 'done',
      fingerprint: 'f',
      result: { job },
    })
    world.now += 24 * HOUR
    t.assert.equal(await b.claim('k', 'other'), undefined)
  })

  test('a key whose call failed, or whose process ended before it sent anything, goes to the next call', async (t: TestContext) => {
    const { start, world } = await startProcesses(t, () => open(t))
    const [a, b] = [start('a'), start('b')]
    await a.claim('failed', 'f')
    await a.markSent('failed')
    await a.release('failed')
    t.assert.equal(await b.claim('failed', 'f'), undefined)
    await a.claim('ended', 'f')
    world.now += 29_000
    await a.keep()
    world.now += 29_000
    t.assert.partialDeepStrictEqual(await b.claim('ended', 'f'), { progress: 'running', isSilent: false })
    world.now += 2_000
    t.assert.equal(await b.claim('ended', 'f'), undefined)
    t.assert.equal(await a.markSent('ended'), false, 'a process that was only slow sends nothing')
    t.assert.equal(await b.markSent('ended'), true)
    await a.release('ended')
    await a.complete('ended', {})
    t.assert.partialDeepStrictEqual(await a.claim('ended', 'f'), { progress: 'sent', runner: 'b' })
  })

  test('a key whose process ended after it sent the request is never given away', async (t: TestContext) => {
    const { start, world } = await startProcesses(t, () => open(t))
    const [a, b] = [start('a'), start('b')]
    await a.claim('k', 'f')
    await a.markSent('k')
    world.now += HOUR
    t.assert.partialDeepStrictEqual(await b.claim('k', 'f'), { progress: 'sent', isSilent: true })
    await a.complete('k', {})
    t.assert.partialDeepStrictEqual(await b.claim('k', 'f'), { progress: 'done' }, 'it was only slow')
  })

  test('a rejected request makes the key free again, one of a call with a result does not', async (t: TestContext) => {
    const { start, world } = await startProcesses(t, () => open(t))
    const [a, b] = [start('a'), start('b')]
    await a.claim('k', 'f')
    await a.markSent('k')
    await a.markUnsent('k')
    world.now += 31_000
    t.assert.equal(await b.claim('k', 'f'), undefined)
    await b.complete('k', {})
    t.assert.equal(await b.markSent('k'), true)
    t.assert.partialDeepStrictEqual(await a.claim('k', 'f'), { progress: 'done' })
  })

  test('expired keys are removed', async (t: TestContext) => {
    const { start, world } = await startProcesses(t, () => open(t))
    const a = start('a')
    await a.claim('k', 'f')
    await a.complete('k', {})
    world.now += 23 * HOUR
    await a.expire()
    t.assert.notEqual(await a.claim('k', 'f'), undefined)
    world.now += HOUR
    await a.expire()
    t.assert.equal(await a.claim('k', 'f'), undefined)
  })
}

describe('keys in SQLite', () => {
  rules(async (t) => {
    const file = join(await temporaryFolder(t), 'state.db')
    return () => openSqliteState(file, migrations)
  })
})

describe('keys in Postgres', () => {
  let postgres: Postgres
  before(async () => {
    postgres = await startPostgres()
  })
  after(() => postgres[Symbol.asyncDispose]())
  rules(async (t) => {
    const url = await postgres.createDatabase()
    return () => openPostgresState({ url, migrations, onError: (error) => t.assert.fail(error) })
  })
})
