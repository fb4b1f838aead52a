import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import {
  type ConfirmedCall,
  confirmationTables,
  createConfirmations,
} from '../../../../services/calls/policy/confirmations.ts'
import { openSqliteState } from '../../../../services/databases/sqlite-state.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

const call: ConfirmedCall = {
  caller: 'key:ann',
  tool: 'generate_image',
  digest: 'd',
  deployment: 'main',
  usd: 0.167,
}
const MINUTE = 60_000

async function build(t: TestContext, key = randomBytes(32)) {
  const clock = { now: 1_800_000_000_000 }
  const database = openSqliteState(`${await temporaryFolder(t)}/state.db`, [confirmationTables])
  t.after(() => database[Symbol.asyncDispose]())
  return { clock, key, confirmations: createConfirmations({ key, database, now: () => clock.now }) }
}

test('a code is valid for the same call of the same caller at the same price only', async (t: TestContext) => {
  const { confirmations } = await build(t)
  const code = confirmations.issue(call)
  t.assert.match(code, /^c_[0-9a-hj-km-np-tv-z]{12}$/)
  t.assert.ok(confirmations.check(code, call))
  const others: Partial<ConfirmedCall>[] = [
    { caller: 'key:bob' },
    { tool: 'edit_image' },
    { digest: 'e' },
    { deployment: 'other' },
    { usd: 0.168 },
    { usd: undefined },
  ]
  for (const change of others) t.assert.ok(!confirmations.check(code, { ...call, ...change }), JSON.stringify(change))
  for (const text of ['', 'c_', 'c_000000000000', `${code}0`, code.slice(0, -1)]) {
    t.assert.ok(!confirmations.check(text, call), text)
  }
})

test('a code of another secret is not valid', async (t: TestContext) => {
  const { confirmations } = await build(t)
  const other = await build(t)
  t.assert.ok(!other.confirmations.check(confirmations.issue(call), call))
})

test('a code is valid for ten minutes, to within ten seconds', async (t: TestContext) => {
  const { confirmations, clock } = await build(t)
  for (let second = 0; second < 300; second += 7) {
    const code = confirmations.issue(call)
    const issuedAt = clock.now
    clock.now = issuedAt + 9.8 * MINUTE
    t.assert.ok(confirmations.check(code, call))
    clock.now = issuedAt + 10 * MINUTE
    t.assert.ok(!confirmations.check(code, call))
    clock.now = issuedAt + 7000
  }
})

test('a code is used once, unless nothing came of it', async (t: TestContext) => {
  const { confirmations } = await build(t)
  const code = confirmations.issue(call)
  const uses = await Promise.all(Array.from({ length: 20 }, () => confirmations.use(code)))
  t.assert.deepStrictEqual(uses.filter(Boolean).length, 1)
  await confirmations.release(code)
  t.assert.ok(await confirmations.use(code))
  t.assert.notStrictEqual(confirmations.issue(call), code)
})
