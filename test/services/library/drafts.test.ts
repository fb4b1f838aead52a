import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openSqliteState } from '../../../services/databases/sqlite-state.ts'
import { draftTables } from '../../../services/library/drafts.ts'
import { draftRules } from '../../support/draft-rules.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

for (const [name, rule] of Object.entries(draftRules)) {
  test(`${name}, in SQLite`, async (t: TestContext) => {
    const database = openSqliteState(join(await temporaryFolder(t), 'state.db'), [draftTables])
    t.after(() => database[Symbol.asyncDispose]())
    await rule(t, database)
  })
}
