import { createPostgres, type Query } from './postgres.ts'
import type { Migrations, StateDatabase } from './state-database.ts'

/** Any number, the same in every replica: only one of them migrates at a time. */
const MIGRATION_LOCK = 7_301_958_301

export interface PostgresStateOptions {
  /** `postgres://…`, with its password. */
  url: string
  migrations: readonly Migrations[]
  /** Connections of this process. */
  maxConnections?: number
  /** Called for a connection that breaks while it is idle. */
  onError(error: Error): void
}

/**
 * The state database of many replicas. One that cannot be reached yet is prepared by the first call that reaches it.
 * @throws DatabaseUnavailableError if the URL is none
 */
export function openPostgresState({
  url,
  migrations,
  maxConnections = 8,
  onError,
}: PostgresStateOptions): StateDatabase {
  const database = createPostgres({ url, maxConnections, prepare: (query) => migrate(query, migrations), onError })
  return {
    run: async (sql, values = []) => (await database.query(sql, [...values])).rows,
    transaction: (work) =>
      database.transaction((query) => work(async (sql, values = []) => (await query(sql, [...values])).rows)),
    [Symbol.asyncDispose]: () => database.close(),
  }
}

async function migrate(query: Query, migrations: readonly Migrations[]): Promise<void> {
  await query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK])
  await query('CREATE SCHEMA IF NOT EXISTS state')
  await query('CREATE TABLE IF NOT EXISTS state.migrations (name TEXT PRIMARY KEY, steps BIGINT NOT NULL)')
  const { rows } = await query<{ name: string; steps: number }>('SELECT name, steps FROM state.migrations')
  for (const { name, steps } of migrations) {
    const done = rows.find((row) => row.name === name)?.steps ?? 0
    for (const step of steps.slice(done)) await query(step)
    await query(
      'INSERT INTO state.migrations VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET steps = excluded.steps',
      [name, Math.max(done, steps.length)],
    )
  }
}
