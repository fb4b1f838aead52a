import { after, before } from 'node:test'
import { migrations } from '../../../../services/calls/state-tables.ts'
import { openPostgresState } from '../../../../services/databases/postgres-state.ts'
import { describeJobQuestions } from '../../../support/job-question-rules.ts'
import { type Postgres, startPostgres } from '../../../support/postgres.ts'

let postgres: Postgres
before(async () => {
  postgres = await startPostgres()
})
after(() => postgres[Symbol.asyncDispose]())

describeJobQuestions(async () => {
  const url = await postgres.createDatabase()
  return () => openPostgresState({ url, migrations, onError() {} })
})
