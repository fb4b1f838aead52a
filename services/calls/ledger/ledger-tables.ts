import type { Migrations } from '../../databases/state-database.ts'

/** Money is millionths of a US dollar. */
export const ledgerTables: Migrations = {
  name: 'ledger',
  steps: [
    `CREATE TABLE state.spending (
      rule TEXT NOT NULL,
      period TEXT NOT NULL,
      spent BIGINT NOT NULL,
      reserved BIGINT NOT NULL,
      images_spent BIGINT NOT NULL,
      images_reserved BIGINT NOT NULL,
      PRIMARY KEY (rule, period)
    );
    CREATE TABLE state.receipts (
      id TEXT PRIMARY KEY,
      created_at BIGINT NOT NULL,
      ended_at BIGINT,
      expires_at BIGINT,
      outcome TEXT NOT NULL,
      caller TEXT NOT NULL,
      micros BIGINT,
      is_priced BIGINT NOT NULL,
      facts TEXT NOT NULL,
      entries TEXT NOT NULL
    );
    CREATE INDEX receipts_by_time ON state.receipts (created_at, id);
    CREATE INDEX receipts_of_caller ON state.receipts (caller, created_at, id);
    CREATE INDEX receipts_without_end ON state.receipts (expires_at) WHERE ended_at IS NULL;`,
  ],
}
