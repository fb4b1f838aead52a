import type { Migrations } from '../../databases/state-database.ts'

export const jobTables: Migrations = {
  name: 'jobs',
  steps: [
    `CREATE TABLE state.jobs (
      id TEXT PRIMARY KEY,
      owner TEXT NOT NULL,
      call TEXT NOT NULL,
      state TEXT NOT NULL,
      priority BIGINT NOT NULL,
      place TEXT NOT NULL DEFAULT '',
      created_at BIGINT NOT NULL,
      expires_at BIGINT NOT NULL,
      started_at BIGINT,
      ended_at BIGINT,
      sent_at BIGINT,
      runner TEXT,
      seen_at BIGINT,
      is_cancel_requested BIGINT NOT NULL DEFAULT 0,
      input TEXT NOT NULL DEFAULT '{"round":0,"requests":{},"responses":{}}',
      outcome TEXT NOT NULL DEFAULT '{}'
    );
    CREATE INDEX jobs_of_state ON state.jobs (state, priority, created_at);
    CREATE INDEX jobs_of_owner ON state.jobs (owner, state);
    CREATE INDEX jobs_by_end ON state.jobs (expires_at);`,
  ],
}
