import { randomBytes } from 'node:crypto'
import { after, before, type TestContext, test } from 'node:test'
import { confirmationTables, createConfirmations } from '../../../../services/calls/policy/confirmations.ts'
import { openPostgresState } from '../../../../services/databases/postgres-state.ts'
import { type Postgres, startPostgres } from '../../../support/postgres.ts'

let postgres: Postgres
before(async () => {
  postgres = await startPostgres()
})
after(() => postgres[Symbol.asyncDispose]())

const call = { caller: 'key:ann', tool: 'generate_image', digest: 'd', deployment: 'main', usd: 1 }

test('of many replicas one uses a code, which any of them may have issued', async (t: TestContext) => {
  const url = await postgres.createDatabase()
  const key = randomBytes(32)
  await using stack = new AsyncDisposableStack()
  const replicas = Array.from({ length: 3 }, () => {
    const database = stack.use(openPostgresState({ url, migrations: [confirmationTables], onError() {} }))
    return createConfirmations({ key, database })
  })
  for (let round = 0; round < 20; round++) {
    const code = replicas[round % 3]?.issue(call) ?? ''
    t.assert.ok(replicas.every((each) => each.check(code, call)))
    const uses = await Promise.all(replicas.flatMap((each) => [each.use(code), each.use(code)]))
    t.assert.strictEqual(uses.filter(Boolean).length, 1)
  }
})
