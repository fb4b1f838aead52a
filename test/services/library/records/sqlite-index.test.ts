import assert from 'node:assert/strict'
import { openSqliteIndex } from '../../../../services/library/records/sqlite-index.ts'
import { describeRecordIndex } from '../../../support/record-index-rules.ts'

describeRecordIndex('sqlite', async () => openSqliteIndex({ file: '', onEmptied: assert.fail }).index)
