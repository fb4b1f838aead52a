import { after, before, type TestContext, test } from 'node:test'
import { openPostgresState } from '../../../services/databases/postgres-state.ts'
import { draftTables } from '../../../services/library/drafts.ts'
import { draftRules } from '../../support/draft-rules.ts'
import { type Postgres, startPostgres } from '../../support/postgres.ts'

let postgres: Postgres
before(async () => {
  postgres = await startPostgres()
})
after(() => postgres[Symbol.asyncDispose]())

for (const [name, rule] of Object.entries(draftRules)) {
  test(`${name}, in Postgres`, async (t: TestContext) => {
    const url = await postgres.createDatabase()
    await using database = openPostgresState({ url, migrations: [draftTables], onError() {} })
    await rule(t, database)
  })
}
