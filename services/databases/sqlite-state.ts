import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { Migrations, Row, Run, StateDatabase } from './state-database.ts'
import { DatabaseUnavailableError } from './unavailable.ts'

/** How long a statement waits for a write of another process; it stops the event loop meanwhile. */
const BUSY_TIMEOUT_MS = 1_000

/**
 * The state database of one machine. Processes of the machine may share the file.
 * @throws Error if the file cannot be opened, is damaged, or its file system cannot hold a write-ahead log
 */
export function openSqliteState(file: string, migrations: readonly Migrations[]): StateDatabase {
  const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS })
  const statements = new Map<string, StatementSync>()
  /** Statements on one connection would otherwise run inside the transaction of another call. */
  let last: Promise<unknown> = Promise.resolve()

  function prepare(sql: string): StatementSync {
    const known = statements.get(sql)
    if (known !== undefined) return known
    const statement = database.prepare(sql.replaceAll('state.', ''))
    statements.set(sql, statement)
    return statement
  }

  const run: Run = async (sql, values = []) => {
    const named = Object.fromEntries(values.map((value, at) => [`$${at + 1}`, value]))
    const rows: readonly Row[] = unavailableOnError(() => prepare(sql).all(named))
    return rows
  }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = last.then(work)
    last = result.catch(() => {})
    return result
  }

  async function transaction<T>(work: (run: Run) => Promise<T>): Promise<T> {
    // Immediate, so that two processes never both read what one of them is about to change.
    unavailableOnError(() => database.exec('BEGIN IMMEDIATE'))
    try {
      const result = await work(run)
      unavailableOnError(() => database.exec('COMMIT'))
      return result
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK')
      throw error
    }
  }

  try {
    const mode = database.prepare('PRAGMA journal_mode = wal').get()?.journal_mode
    if (mode !== 'wal') throw new Error('the file system does not support a write-ahead log')
    database.exec('PRAGMA synchronous = NORMAL')
    migrate(database, migrations)
  } catch (error) {
    database.close()
    throw error
  }
  return {
    run: (sql, values) => inTurn(() => run(sql, values)),
    transaction: (work) => inTurn(() => transaction(work)),
    async [Symbol.asyncDispose]() {
      await last
      if (database.isOpen) database.close()
    },
  }
}

/** In one transaction, so that a kill leaves either version. */
function migrate(database: DatabaseSync, migrations: readonly Migrations[]): void {
  database.exec('BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, steps BIGINT NOT NULL)')
  for (const { name, steps } of migrations) {
    const done = Number(database.prepare('SELECT steps FROM migrations WHERE name = ?').get(name)?.steps ?? 0)
    for (const step of steps.slice(done)) database.exec(step.replaceAll('state.', ''))
    database
      .prepare('INSERT INTO migrations VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET steps = excluded.steps')
      .run(name, Math.max(done, steps.length))
  }
  database.exec('COMMIT')
}

function unavailableOnError<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) : 0
    throw new DatabaseUnavailableError(`the state database failed (${code})`, { cause: error })
  }
}
