/** One row of a result; its members are named as the columns. */
export type Row = Readonly<Record<string, unknown>>

/**
 * Runs a statement of SQL that both engines understand: `$1` … `$n` for the values, tables as `state.name`, `ON CONFLICT` and
 * `RETURNING`; BIGINT for whole numbers and TEXT for everything else, times in milliseconds since 1970.
 * @throws DatabaseUnavailableError
 */
export type Run = (sql: string, values?: readonly (string | number | null)[]) => Promise<readonly Row[]>

/** Whether a statement with `RETURNING` inserted or changed a row. @throws DatabaseUnavailableError */
export async function hasChanged(run: Run, ...statement: Parameters<Run>): Promise<boolean> {
  return (await run(...statement)).length > 0
}

/** The tables of one subject, created and changed by steps, each of which runs once and is never edited after a release. */
export interface Migrations {
  /** Of the subject; in its own row of `state.migrations`. */
  name: string
  /** Several statements each, without values. */
  steps: readonly string[]
}

/**
 * What must not be lost and cannot be rebuilt: jobs, the ledger, receipts, confirmations. SQLite on one machine; Postgres for
 * many replicas, in the schema `state`.
 */
export interface StateDatabase extends AsyncDisposable {
  run: Run
  /**
   * Runs statements of which all or none take effect. A row that one of them changes stays as it is until the end, and a
   * condition of an UPDATE holds when it is changed; what was only read may change meanwhile. Nothing else may be awaited in
   * `work`.
   * @throws DatabaseUnavailableError, and what `work` throws; then nothing took effect
   */
  transaction<T>(work: (run: Run) => Promise<T>): Promise<T>
}
