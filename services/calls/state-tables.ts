import type { Migrations } from '../databases/state-database.ts'
import { draftTables } from '../library/drafts.ts'
import { idempotencyTables } from './idempotency-keys.ts'
import { jobTables } from './jobs/job-tables.ts'
import { ledgerTables } from './ledger/ledger-tables.ts'
import { confirmationTables } from './policy/confirmations.ts'

/** The tables of the state database, by subject. */
export const migrations: readonly Migrations[] = [
  jobTables,
  idempotencyTables,
  ledgerTables,
  confirmationTables,
  draftTables,
]
