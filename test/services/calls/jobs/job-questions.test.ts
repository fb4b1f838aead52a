import { join } from 'node:path'
import { migrations } from '../../../../services/calls/state-tables.ts'
import { openSqliteState } from '../../../../services/databases/sqlite-state.ts'
import { describeJobQuestions } from '../../../support/job-question-rules.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

describeJobQuestions(async (t) => {
  const folder = await temporaryFolder(t)
  return () => openSqliteState(join(folder, 'state.db'), migrations)
})
