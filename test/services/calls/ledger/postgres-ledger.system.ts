import { after, before, type TestContext, test } from 'node:test'
import { createLedger } from '../../../../services/calls/ledger/ledger.ts'
import { createLedgerStore } from '../../../../services/calls/ledger/ledger-store.ts'
import { migrations } from '../../../../services/calls/state-tables.ts'
import type { ToolResult } from '../../../../services/calls/types.ts'
import { openPostgresState } from '../../../../services/databases/postgres-state.ts'
import { Rejection } from '../../../../services/errors/rejection.ts'
import { silent } from '../../../support/calls.ts'
import { budgetRule, describeLedger, paidResult, quotedCall } from '../../../support/ledger-rules.ts'
import { type Postgres, startPostgres } from '../../../support/postgres.ts'
import { waitFor } from '../../../support/wait-for.ts'

let postgres: Postgres
before(async () => {
  postgres = await startPostgres()
})
after(() => postgres[Symbol.asyncDispose]())

const open = async () => {
  const url = await postgres.createDatabase()
  return openPostgresState({ url, migrations, onError() {} })
}

describeLedger('Postgres', open)

const NOON = Date.UTC(2026, 10, 27, 12)

test('while the database is gone paid images are returned and counted later, and no call goes out under a budget', async (t: TestContext) => {
  await using database = await open()
  const now = () => NOON
  const store = createLedgerStore(database, now)
  const options = { store, keepsPrompts: false, ttlMs: 0, log: silent, onRejected() {}, now }
  await using ledger = createLedger({ ...options, rules: () => [] })
  const image = Promise.withResolvers<ToolResult>()
  const calls = Array.from({ length: 3 }, () => ledger.around(quotedCall(), () => image.promise))
  const free = ledger.around({ ...quotedCall(), rules: undefined }, () => image.promise)
  const observed = quotedCall({ rules: [budgetRule({ isEnforced: false })] })
  const today = '2026-11-27'
  await waitFor('reservations', async () => (await store.spending(today))[0]?.reservedImages === 3 || undefined)
  await postgres.crash()
  const rejected = await ledger.around(quotedCall(), async () => t.assert.fail('it was sent')).catch((error) => error)
  t.assert.ok(rejected instanceof Rejection)
  t.assert.deepEqual([rejected.statusCode, rejected.retryAfterMs], [503, 10_000])
  image.resolve(paidResult())
  t.assert.equal((await Promise.all([...calls, free])).length, 4)
  t.assert.deepEqual((await ledger.around(observed, async () => paidResult())).paid, paidResult().paid)
  await postgres.start()
  const spent = async () => {
    const [row] = await store.spending(today).catch(() => [])
    return row?.reservedImages === 0 && row.images === 4 ? row : undefined
  }
  t.assert.equal((await waitFor('spending', spent)).micros, 160_000)
  const count = async () => {
    let receipts = 0
    for await (const page of store.receipts({ since: 0, until: NOON + 1 })) receipts += page.length
    return receipts === 5 || undefined
  }
  await waitFor('receipts', count)
})
