import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { migrations } from '../../../../services/calls/state-tables.ts'
import { openSqliteState } from '../../../../services/databases/sqlite-state.ts'
import { describeLedger } from '../../../support/ledger-rules.ts'

const folder = mkdtempSync(join(tmpdir(), 'azure-image-editor-test-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let files = 0

describeLedger('SQLite', async () => openSqliteState(join(folder, `${++files}.db`), migrations))
