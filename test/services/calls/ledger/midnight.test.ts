import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createLedger } from '../../../../services/calls/ledger/ledger.ts'
import { createLedgerStore } from '../../../../services/calls/ledger/ledger-store.ts'
import { migrations } from '../../../../services/calls/state-tables.ts'
import { openSqliteState } from '../../../../services/databases/sqlite-state.ts'
import { createCallLimits } from '../../../../services/limits/call-limits.ts'
import { createCallerLimiter } from '../../../../services/limits/caller-limiter.ts'
import { MemoryLimiter } from '../../../../services/limits/memory-limiter.ts'
import { paidCall, silent } from '../../../support/calls.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

const before = Date.UTC(2026, 10, 30, 23, 59, 59, 990)
const after = Date.UTC(2026, 11, 1, 0, 0, 5)

test('a call over midnight counts in the day and month in which it was reserved, and the new ones begin empty', async (t: TestContext) => {
  const clock = { now: before }
  const now = () => clock.now
  const database = openSqliteState(join(await temporaryFolder(t), 'state.db'), migrations)
  const store = createLedgerStore(database, now)
  const ledger = createLedger({
    store,
    rules: () => [],
    keepsPrompts: false,
    ttlMs: 0,
    log: silent,
    onRejected() {},
    now,
  })
  t.after(async () => {
    await ledger[Symbol.asyncDispose]()
    await database[Symbol.asyncDispose]()
  })
  async function callUntil(end: number): Promise<void> {
    const paid = { deployment: 'd', model: 'm', usage: {}, costUsd: 0.03, count: 1, images: [] }
    const { call } = paidCall({}, { caller: 'key:ann', requestId: 1, make: async () => ({ content: [] }) })
    call.rules = [{ name: 'team', isEnforced: true, usdPerDay: 0.05, usdPerMonth: 0.05 }]
    call.quote = { deployment: 'd', model: 'm', count: 1, listUsd: 0.03, maxUsd: 0.04, waitMs: 0 }
    await ledger.around(call, async () => {
      clock.now = end
      return { content: [], paid }
    })
  }
  const spent = async (period: string) =>
    (await store.spending(period)).map(({ micros, reservedMicros }) => [micros, reservedMicros])
  await callUntil(after)
  for (const period of ['2026-11-30', '2026-11']) t.assert.deepStrictEqual(await spent(period), [[30_000, 0]])
  for (const period of ['2026-12-01', '2026-12']) t.assert.deepStrictEqual(await spent(period), [])
  await callUntil(after)
  await t.assert.rejects(callUntil(after), /budget of rule team .* it resets at 00:00 UTC/)
  for (const period of ['2026-12-01', '2026-12']) t.assert.deepStrictEqual(await spent(period), [[30_000, 0]])
})

test('IMAGES_PER_DAY begins anew at midnight, and what is returned later is returned to the day before', async (t: TestContext) => {
  const clock = { now: before }
  const limits = createCallLimits({
    callsPerMinute: 0,
    imagesPerDay: 1,
    createLimiter: (options) => createCallerLimiter(new MemoryLimiter(options)),
    now: () => clock.now,
  })
  const take = () => limits.take('ann', 'generate_image', 1)
  const yesterday = await take()
  t.assert.strictEqual(yesterday.rejection, undefined)
  t.assert.deepStrictEqual((await take()).rejection, { limit: 'images', retryAfterMs: 10 })
  clock.now = after
  t.assert.strictEqual((await take()).rejection, undefined)
  await yesterday.refund()
  await limits.refund('ann', 1, before)
  t.assert.strictEqual((await take()).rejection?.limit, 'images')
})
