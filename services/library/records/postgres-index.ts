import { Pool, type PoolClient, type QueryConfig, type QueryResult, type QueryResultRow } from 'pg'
import type { ImageRecord } from '../../../schemas/image-record.ts'
import { codeOf } from '../../errors/error-code.ts'
import { isImageId, positionOfId } from '../image-id.ts'
import { type RequiredTerms, termsOfRecord, termsOfRecordQuery } from './match-terms.ts'
import { parseRecord } from './parse-record.ts'
import {
  IndexUnavailableError,
  type RecordIndex,
  type RecordPage,
  type RecordQuery,
  rangeOf,
  toPage,
  unnamedRangeOf,
} from './record-index.ts'

/** Raised when tables or terms change: an index of another version is emptied, and rebuilt by its owner. */
const VERSION = 3

/** Any number, the same in every replica: only one of them prepares the schema at a time. */
const SCHEMA_LOCK = 7_301_958_204
/** As above, for work that one replica does for all. */
const WORK_LOCK = SCHEMA_LOCK + 1

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
const TIMEOUT_MS = 1_000
/** For statements of rebuilding and of preparing the schema, for which no one waits. */
const LONG_TIMEOUT_MS = 30_000
const IDLE_TIMEOUT_MS = 30_000

export interface PostgresIndexOptions {
  /** `postgres://…`, with its password. */
  url: string
  /** Connections of this process. */
  maxConnections?: number
  /** Called for a connection that breaks while it is idle. */
  onError(error: Error): void
}

/**
 * The index of many replicas, in the schema `library` of a Postgres database (13 or newer). A database that cannot be
 * reached yet is prepared by the first call that reaches it.
 *
 * @returns the index, and whether it is new, was emptied or could not be reached and so has to be filled
 * @throws IndexUnavailableError if the URL is none
 */
export async function openPostgresIndex({
  url,
  maxConnections = 8,
  onError,
}: PostgresIndexOptions): Promise<{ index: RecordIndex; isEmpty: boolean }> {
  // The driver's own error has the URL with its password.
  if (!URL.canParse(url)) throw new IndexUnavailableError('DATABASE_URL is not a URL')
  const database = createDatabase(url, maxConnections, onError)
  const isEmpty = await database.prepared().catch(() => true)
  return { index: createIndex(database), isEmpty }
}

type Query = <R extends QueryResultRow>(sql: string, values?: unknown[]) => Promise<QueryResult<R>>

interface Database {
  /** Whether the index was emptied when this process first reached it. @throws IndexUnavailableError */
  prepared(): Promise<boolean>
  /** @throws IndexUnavailableError */
  query: Query
  /** Runs statements of which all or none take effect. @throws IndexUnavailableError */
  transaction<T>(run: (query: Query) => Promise<T>, timeoutMs?: number): Promise<T>
  close(): Promise<void>
}

function createDatabase(url: string, maxConnections: number, onError: (error: Error) => void): Database {
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

function createIndex({ query, transaction, close }: Database): RecordIndex {
  return {
    async put(records) {
      await transaction(
        async (query) => {
          const inserted = await insertNew(query, records)
          for (const record of records) if (!inserted.has(record.id)) await replaceOrInsert(query, record)
        },
        records.length > FEW_RECORDS ? LONG_TIMEOUT_MS : TIMEOUT_MS,
      )
    },
    async get(id) {
      if (!isImageId(id)) return undefined
      const { rows } = await query<RecordRow>('SELECT record FROM library.records WHERE id = $1', [id])
      return rows[0] && parseRecord(rows[0].record)
    },
    async missing(ids) {
      const { rows } = await query<{ id: string }>('SELECT id FROM library.records WHERE id = ANY($1::text[])', [
        ids.filter(isImageId),
      ])
      const known = new Set(rows.map(({ id }) => id))
      return ids.filter((id) => !known.has(id))
    },
    async remove(id) {
      if (!isImageId(id)) return false
      const { rowCount } = await query('DELETE FROM library.records WHERE id = $1', [id])
      return rowCount === 1
    },
    find: (wanted) => find(query, wanted),
    async unnamedBytes() {
      const { rows } = await query<{ owner: string; bytes: string }>(
        'SELECT owner, sum(bytes) AS bytes FROM library.records WHERE NOT is_named GROUP BY owner ORDER BY 2 DESC, owner',
      )
      return rows.map(({ owner, bytes }) => ({ owner: String(JSON.parse(owner)), bytes: Number(bytes) }))
    },
    async oldestUnnamed(wanted) {
      const { after, end } = unnamedRangeOf(wanted)
      const ofOwner = wanted.owner === undefined ? '' : 'AND owner = $4'
      const { rows } = await query<PositionRow>(
        `SELECT position, record FROM library.records WHERE NOT is_named AND position > $1 AND position < $2 ${ofOwner}
         ORDER BY position LIMIT $3`,
        [after, end, wanted.limit + 1, ...(wanted.owner === undefined ? [] : [JSON.stringify(wanted.owner)])],
      )
      return pageOf(rows, wanted.limit)
    },
    async alone(work) {
      await transaction(async (query) => {
        const { rows } = await query<{ is_alone: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS is_alone', [
          WORK_LOCK,
        ])
        if (rows[0]?.is_alone === true) await work()
      })
    },
    async optimize() {
      await transaction((query) => query('ANALYZE library.records'), LONG_TIMEOUT_MS)
    },
    [Symbol.asyncDispose]: close,
  }
}

/** More are a rebuild. */
const FEW_RECORDS = 16

const COLUMNS = '(position, id, owner, bytes, is_named, record, terms)'

/** JSON has neither NUL, which Postgres does not store, nor halves of surrogate pairs. */
function valuesOf(record: ImageRecord) {
  const { id, owner, bytes, isNamed } = record
  const { words, labels } = termsOfRecord(record)
  return [id, JSON.stringify(owner), bytes, isNamed, JSON.stringify(record), [...labels, ...words.map(wordLexeme)]]
}

/** No label begins like a word. */
const wordLexeme = (word: string) => `w${word}`

/** Inserts those whose ids and positions are free. Returns the ids. */
async function insertNew(query: Query, records: readonly ImageRecord[]): Promise<Set<string>> {
  const ids = new Set<string>()
  for (let start = 0; start < records.length; start += ROWS_OF_STATEMENT) {
    const chunk = records.slice(start, start + ROWS_OF_STATEMENT)
    const rows = chunk.map((_record, row) => rowPlaceholders(row))
    const { rows: inserted } = await query<{ id: string }>(
      `INSERT INTO library.records ${COLUMNS} VALUES ${rows.join(', ')} ON CONFLICT DO NOTHING RETURNING id`,
      chunk.flatMap((record) => [positionOfId(record.id), ...valuesOf(record)]),
    )
    for (const { id } of inserted) ids.add(id)
  }
  return ids
}

/** Bounds the parameters of a statement, of which Postgres accepts 65,535. */
const ROWS_OF_STATEMENT = 500
const COLUMN_COUNT = 7

function rowPlaceholders(row: number): string {
  const at = (column: number) => `$${row * COLUMN_COUNT + column}`
  return `(${at(1)}, ${at(2)}, ${at(3)}, ${at(4)}, ${at(5)}, ${at(6)}, array_to_tsvector(${at(7)}::text[]))`
}

async function replaceOrInsert(query: Query, record: ImageRecord): Promise<void> {
  const values = valuesOf(record)
  for (let position = positionOfId(record.id); ; position++) {
    const { rowCount: replaced } = await query(
      `UPDATE library.records SET owner = $2, bytes = $3, is_named = $4, record = $5,
       terms = array_to_tsvector($6::text[]) WHERE id = $1`,
      values,
    )
    if (replaced === 1) return
    const { rowCount: inserted } = await query(
      `INSERT INTO library.records ${COLUMNS} VALUES ${rowPlaceholders(0)} ON CONFLICT DO NOTHING`,
      [position, ...values],
    )
    if (inserted === 1) return
  }
}

interface RecordRow extends QueryResultRow {
  record: string
}

interface PositionRow extends RecordRow {
  position: string
}

async function find(query: Query, wanted: RecordQuery): Promise<RecordPage> {
  const required = termsOfRecordQuery(wanted)
  const { from, end } = rangeOf(wanted)
  if (required.isImpossible) return { records: [] }
  const expression = matchExpression(required)
  const rows = expression === '' ? await newest(query, from, end, wanted.limit) : await matching()
  return pageOf(rows, wanted.limit)

  /** Common terms are found among the newest records, others are in few; a plan for both would read far too much. */
  async function matching(): Promise<readonly PositionRow[]> {
    const { rows: recent } = await query<PositionRow>(
      `SELECT position, record FROM (
         SELECT position, record, terms FROM library.records WHERE position >= $1 AND position < $2
         ORDER BY position DESC LIMIT $5
       ) AS recent WHERE terms @@ $4::tsquery ORDER BY position DESC LIMIT $3`,
      [from, end, wanted.limit + 1, expression, RECENT_RECORDS],
    )
    if (recent.length > wanted.limit) return recent
    const { rows } = await query<PositionRow>(
      'SELECT place AS position, content AS record FROM library.matching($1, $2, $3, $4, $5)',
      [from, end, wanted.limit + 1, matchExpression(selectiveTerms(required)), expression],
    )
    return rows
  }
}

const RECENT_RECORDS = 1_000

async function newest(query: Query, from: number, end: number, limit: number): Promise<readonly PositionRow[]> {
  const { rows } = await query<PositionRow>(
    'SELECT position, record FROM library.records WHERE position >= $1 AND position < $2 ORDER BY position DESC LIMIT $3',
    [from, end, limit + 1],
  )
  return rows
}

/** Words by which the index is searched; the longest are the rarest. Of what it finds, all words are compared. */
const SELECTIVE_WORDS = 4
const MIN_SELECTIVE_LENGTH = 3

function selectiveTerms({ labels, words, isImpossible }: RequiredTerms): RequiredTerms {
  const long = words.filter((word) => selectivity(word) >= MIN_SELECTIVE_LENGTH)
  const selective = long.toSorted((a, b) => selectivity(b) - selectivity(a)).slice(0, SELECTIVE_WORDS)
  return { labels, words: selective.length + labels.length > 0 ? selective : words, isImpossible }
}

/** Letters that are as rare: a character of Chinese says as much as some. */
function selectivity({ term }: RequiredTerms['words'][number]): number {
  return [...term].reduce((letters, character) => letters + (character < '\u2e80' ? 1 : 4), 0)
}

function pageOf(rows: readonly PositionRow[], limit: number): RecordPage {
  return toPage(
    rows.map(({ position, record }) => ({ position: Number(position), record: parseRecord(record) })),
    limit,
  )
}

/** https://www.postgresql.org/docs/current/datatype-textsearch.html. Terms have letters, marks and digits only. */
function matchExpression({ words, labels }: RequiredTerms): string {
  return [
    ...labels.map((term) => `'${term}'`),
    ...words.map(({ term, isPrefix }) => `'${wordLexeme(term)}'${isPrefix ? ':*' : ''}`),
  ].join(' & ')
}
