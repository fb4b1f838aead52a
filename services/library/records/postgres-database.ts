import { Pool, type PoolClient, type QueryConfig, type QueryResult, type QueryResultRow } from 'pg'
import { codeOf } from '../../errors/error-code.ts'
import { IndexUnavailableError } from './record-index.ts'

/** Raised when tables or terms change: an index of another version is emptied, and rebuilt by its owner. */
const VERSION = 3

/** Any number, the same in every replica: only one of them prepares the schema at a time. */
export const SCHEMA_LOCK = 7_301_958_204

const SCHEMA = `
  DROP TABLE IF EXISTS library.records;
  CREATE TABLE library.records (
    position bigint PRIMARY KEY,
    id text NOT NULL UNIQUE,
    owner text NOT NULL,
    bytes bigint NOT NULL,
    is_named boolean NOT NULL,
    record text NOT NULL,
    terms tsvector NOT NULL
  ) WITH (toast_tuple_target = 8160); -- Uncompressed, because terms are compared for thousands of rows.
  CREATE INDEX records_terms ON library.records USING gin (terms) WITH (fastupdate = off);
  CREATE INDEX records_unnamed ON library.records (owner, position) INCLUDE (bytes) WHERE NOT is_named;
  CREATE INDEX records_unnamed_by_age ON library.records (position) WHERE NOT is_named;
  -- By the index of terms always: the planner expects words to be independent of each other, and would read every record
  -- for two that are never together. The function is not an operator, so that its words are only compared.
  CREATE OR REPLACE FUNCTION library.matching(
    first bigint, past bigint, count integer, selective text, complete text
  ) RETURNS TABLE (place bigint, content text) LANGUAGE sql STABLE
  SET enable_seqscan = off SET enable_indexscan = off AS $$
    SELECT r.position, r.record FROM library.records r
    WHERE r.terms @@ selective::tsquery AND ts_match_vq(r.terms, complete::tsquery)
      AND r.position >= first AND r.position < past
    ORDER BY r.position DESC LIMIT count
  $$;
`

/** Bounds a call: its statement, and the wait for a connection. */
export const TIMEOUT_MS = 1_000
/** For statements of rebuilding and of preparing the schema, for which no one waits. */
export const LONG_TIMEOUT_MS = 30_000
const IDLE_TIMEOUT_MS = 30_000

export type Query = <R extends QueryResultRow>(sql: string, values?: unknown[]) => Promise<QueryResult<R>>

export interface Database {
  /** Whether the index was emptied when this process first reached it. @throws IndexUnavailableError */
  prepared(): Promise<boolean>
  /** @throws IndexUnavailableError */
  query: Query
  /** Runs statements of which all or none take effect. @throws IndexUnavailableError */
  transaction<T>(run: (query: Query) => Promise<T>, timeoutMs?: number): Promise<T>
  close(): Promise<void>
}

/** A pool of connections to a database, which it prepares when it first reaches it. */
export function createDatabase(url: string, maxConnections: number, onError: (error: Error) => void): Database {
  const pool = new Pool({
    connectionString: url,
    max: maxConnections,
    connectionTimeoutMillis: TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    // The server ends the statement; the client does not wait for a server that has become silent.
    statement_timeout: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS + 200,
    keepAlive: true,
    application_name: 'azure-image-editor-mcp',
  })
  pool.on('error', onError)
  let preparation: Promise<boolean> | undefined

  function prepared(): Promise<boolean> {
    preparation ??= transaction(prepareSchema, LONG_TIMEOUT_MS).catch((error: unknown) => {
      preparation = undefined
      throw error
    })
    return preparation
  }

  async function transaction<T>(run: (query: Query) => Promise<T>, timeoutMs = TIMEOUT_MS): Promise<T> {
    const client = await orUnavailable(() => pool.connect())
    // Between statements a broken connection is an event, which ends the process if no one listens.
    client.on('error', ignore)
    let failure: Error | undefined
    try {
      const query = queryOf(client, timeoutMs)
      await query('BEGIN')
      if (timeoutMs !== TIMEOUT_MS) await query("SELECT set_config('statement_timeout', $1, true)", [`${timeoutMs}ms`])
      const result = await run(query)
      await query('COMMIT')
      return result
    } catch (error) {
      failure = toUnavailable(error)
      throw failure
    } finally {
      client.off('error', ignore)
      // A connection with an unknown state is closed instead of reused.
      client.release(failure)
    }
  }

  return {
    prepared,
    async query(sql, values) {
      await prepared()
      return await orUnavailable(() => pool.query({ text: sql, values: values ?? [] }))
    },
    async transaction(run, timeoutMs) {
      await prepared()
      return await transaction(run, timeoutMs)
    },
    async close() {
      if (!pool.ended) await pool.end()
    },
  }
}

/** The next statement on the connection fails, and is reported. */
function ignore(): void {}

function queryOf(client: PoolClient, timeoutMs: number): Query {
  return (text, values = []) => {
    const statement: QueryConfig & { query_timeout: number } = { text, values, query_timeout: timeoutMs + 200 }
    return client.query(statement)
  }
}

/** The driver throws, instead of rejecting, for a certificate in the URL that it cannot read. */
async function orUnavailable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw toUnavailable(error)
  }
}

/** The text of the database may contain what a statement had; its code says enough. */
function toUnavailable(error: unknown): Error {
  if (error instanceof IndexUnavailableError) return error
  const code = codeOf(error)
  return new IndexUnavailableError(`the database of records failed${/^\w{4,40}$/.test(code) ? ` (${code})` : ''}`)
}

async function prepareSchema(query: Query): Promise<boolean> {
  await query('SELECT pg_advisory_xact_lock($1)', [SCHEMA_LOCK])
  await query('CREATE SCHEMA IF NOT EXISTS library')
  await query('CREATE TABLE IF NOT EXISTS library.version (version integer NOT NULL)')
  const { rows } = await query<{ version: number }>('SELECT version FROM library.version')
  if (rows[0]?.version === VERSION) return false
  await query(SCHEMA)
  await query('DELETE FROM library.version')
  await query('INSERT INTO library.version VALUES ($1)', [VERSION])
  return true
}
