import {
  type CustomTypesConfig,
  Pool,
  type PoolClient,
  type QueryConfig,
  type QueryResult,
  type QueryResultRow,
  types,
} from 'pg'
import { AppError } from '../errors/app-error.ts'
import { codeOf } from '../errors/error-code.ts'
import { DatabaseUnavailableError } from './unavailable.ts'

/** Bounds a call: its statement, and the wait for a connection. */
export const TIMEOUT_MS = 1_000
/** For statements of rebuilding and of preparing the schema, for which no one waits. */
export const LONG_TIMEOUT_MS = 30_000
const IDLE_TIMEOUT_MS = 30_000

/** Whole numbers and sums as numbers: none of ours is near 2^53. https://www.postgresql.org/docs/current/catalog-pg-type.html */
const NUMBER_OIDS: ReadonlySet<number> = new Set([20, 1700])
const numericTypes: CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    NUMBER_OIDS.has(oid) && format !== 'binary' ? Number : types.getTypeParser(oid, format),
}

export type Query = <R extends QueryResultRow>(sql: string, values?: unknown[]) => Promise<QueryResult<R>>

export interface PostgresDatabase<P> {
  /** What `prepare` returned when this process first reached the database. @throws DatabaseUnavailableError */
  prepared(): Promise<P>
  /** @throws DatabaseUnavailableError */
  query: Query
  /** Runs statements of which all or none take effect. @throws DatabaseUnavailableError */
  transaction<T>(run: (query: Query) => Promise<T>, timeoutMs?: number): Promise<T>
  close(): Promise<void>
}

export interface PostgresOptions<P> {
  /** `postgres://…`, with its password. */
  url: string
  /** Connections of this process. */
  maxConnections: number
  /** Creates what is missing, in a transaction; called when the database is first reached. */
  prepare(query: Query): Promise<P>
  /** Called for a connection that breaks while it is idle. */
  onError(error: Error): void
}

/**
 * A pool of connections to a Postgres database, 13 or newer.
 * @throws DatabaseUnavailableError if the URL is none
 */
export function createPostgres<P>({ url, maxConnections, prepare, onError }: PostgresOptions<P>): PostgresDatabase<P> {
  // The driver's own error has the URL with its password.
  if (!URL.canParse(url)) throw new DatabaseUnavailableError('DATABASE_URL is not a URL')
  const pool = new Pool({
    connectionString: url,
    types: numericTypes,
    max: maxConnections,
    connectionTimeoutMillis: TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    // The server ends the statement; the client does not wait for a server that has become silent.
    statement_timeout: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS + 200,
    keepAlive: true,
    // Statements that do not wait for each other share a round trip: https://node-postgres.com/features/pipelining
    pipeline: true,
    application_name: 'azure-image-editor-mcp',
  })
  pool.on('error', onError)
  let preparation: Promise<P> | undefined

  function prepared(): Promise<P> {
    preparation ??= transaction(prepare, LONG_TIMEOUT_MS).catch((error: unknown) => {
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
      // The next statement fails as well if this one does.
      query('BEGIN').catch(ignore)
      if (timeoutMs !== TIMEOUT_MS) await query("SELECT set_config('statement_timeout', $1, true)", [`${timeoutMs}ms`])
      const result = await run(query)
      await query('COMMIT')
      return result
    } catch (error) {
      // Thrown by the work itself, between statements: the connection is as good as before.
      if (
        isOwn(error) &&
        (await client.query('ROLLBACK').then(
          () => true,
          () => false,
        ))
      )
        throw error
      failure = isOwn(error) ? error : toUnavailable(error)
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

const isOwn = (error: unknown): error is AppError =>
  error instanceof AppError && !(error instanceof DatabaseUnavailableError)

/** The text of the database may contain what a statement had; its code says enough. */
function toUnavailable(error: unknown): Error {
  if (error instanceof DatabaseUnavailableError) return error
  const code = codeOf(error)
  return new DatabaseUnavailableError(`the database failed${/^\w{4,40}$/.test(code) ? ` (${code})` : ''}`)
}
