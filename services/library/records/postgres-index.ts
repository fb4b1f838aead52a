import { Pool, type PoolClient } from 'pg'
import { Value } from 'typebox/value'
import { type ImageRecord, ImageRecordSchema } from '../../../schemas/image-record.ts'
import { positionOfId, positionOfTime } from '../image-id.ts'
import { type RequiredTerms, termsOfRecord, termsOfRecordQuery } from './match-terms.ts'
import { fromCursor, type RecordIndex, type RecordPage, type RecordQuery, toCursor } from './record-index.ts'

/** Raised when tables or terms change: an index of another version is emptied, and rebuilt by its owner. */
const VERSION = 1

/** Any number, the same in every replica: only one of them prepares the schema at a time. */
const SCHEMA_LOCK = 7_301_958_204

const SCHEMA = `
  DROP TABLE IF EXISTS library.records;
  CREATE TABLE library.records (
    position bigint PRIMARY KEY,
    id text NOT NULL UNIQUE,
    owner text NOT NULL,
    created_at bigint NOT NULL,
    bytes bigint NOT NULL,
    is_named boolean NOT NULL,
    record text NOT NULL,
    terms tsvector NOT NULL
  );
  CREATE INDEX records_terms ON library.records USING gin (terms) WITH (fastupdate = off);
  CREATE INDEX records_unnamed ON library.records (owner, position) INCLUDE (bytes) WHERE NOT is_named;
`

export interface PostgresIndexOptions {
  /** `postgres://…`, with its password. */
  url: string
  /** Connections of this process. */
  maxConnections?: number
  /** Milliseconds after which a statement, or the wait for a connection, fails. */
  timeoutMs?: number
  /** Called for a connection that breaks while it is idle. */
  onError(error: Error): void
}

/**
 * The index of many replicas, in the schema `library` of a Postgres database (13 or newer).
 *
 * @returns the index, and whether it is new or was emptied and so has to be filled
 * @throws Error if the database cannot be reached or prepared
 */
export async function openPostgresIndex({
  url,
  maxConnections = 8,
  timeoutMs = 5_000,
  onError,
}: PostgresIndexOptions): Promise<{ index: RecordIndex; isEmpty: boolean }> {
  const pool = new Pool({
    connectionString: url,
    max: maxConnections,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    application_name: 'azure-image-editor-mcp',
  })
  pool.on('error', onError)
  try {
    const isEmpty = await transaction(pool, prepareSchema)
    return { index: createIndex(pool), isEmpty }
  } catch (error) {
    await pool.end()
    throw error
  }
}

async function prepareSchema(client: PoolClient): Promise<boolean> {
  await client.query('SELECT pg_advisory_xact_lock($1)', [SCHEMA_LOCK])
  await client.query('CREATE SCHEMA IF NOT EXISTS library')
  await client.query('CREATE TABLE IF NOT EXISTS library.version (version integer NOT NULL)')
  const { rows } = await client.query<{ version: number }>('SELECT version FROM library.version')
  if (rows[0]?.version === VERSION) return false
  await client.query(SCHEMA)
  await client.query('DELETE FROM library.version')
  await client.query('INSERT INTO library.version VALUES ($1)', [VERSION])
  return true
}

async function transaction<T>(pool: Pool, run: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  let failure: Error | undefined
  try {
    await client.query('BEGIN')
    const result = await run(client)
    await client.query('COMMIT')
    return result
  } catch (error) {
    failure = error instanceof Error ? error : new Error('the transaction failed', { cause: error })
    await client.query('ROLLBACK').catch(() => {})
    throw error
  } finally {
    // A connection with an unknown state is closed instead of reused.
    client.release(failure)
  }
}

function createIndex(pool: Pool): RecordIndex {
  return {
    async put(records) {
      await transaction(pool, async (client) => {
        const inserted = await insertNew(client, records)
        for (const record of records) if (!inserted.has(record.id)) await replaceOrInsert(client, record)
      })
    },
    async get(id) {
      const { rows } = await pool.query<RecordRow>('SELECT record FROM library.records WHERE id = $1', [id])
      return rows[0] && parseRecord(rows[0])
    },
    async remove(id) {
      const { rowCount } = await pool.query('DELETE FROM library.records WHERE id = $1', [id])
      return rowCount === 1
    },
    find: (query) => find(pool, query),
    async unnamedBytes() {
      const { rows } = await pool.query<{ owner: string; bytes: string }>(
        'SELECT owner, sum(bytes) AS bytes FROM library.records WHERE NOT is_named GROUP BY owner ORDER BY 2 DESC, owner',
      )
      return rows.map(({ owner, bytes }) => ({ owner, bytes: Number(bytes) }))
    },
    async oldestUnnamed({ owner, before }, limit) {
      const end = before === undefined ? Number.MAX_SAFE_INTEGER : positionOfTime(before)
      const { rows } = await pool.query<RecordRow>(
        `SELECT record FROM library.records WHERE NOT is_named AND position < $1 AND ($2::text IS NULL OR owner = $2)
         ORDER BY position LIMIT $3`,
        [end, owner ?? null, limit],
      )
      return rows.map(parseRecord)
    },
    async [Symbol.asyncDispose]() {
      if (!pool.ended) await pool.end()
    },
  }
}

const COLUMNS = '(position, id, owner, created_at, bytes, is_named, record, terms)'

function valuesOf(record: ImageRecord) {
  const { id, owner, createdAt, bytes, isNamed } = record
  const { words, labels } = termsOfRecord(record)
  return [id, owner, createdAt, bytes, isNamed, JSON.stringify(record), [...labels, ...words.map(wordLexeme)]]
}

/** No label begins like a word. */
const wordLexeme = (word: string) => `w${word}`

/** Inserts those whose ids and positions are free. Returns the ids. */
async function insertNew(client: PoolClient, records: readonly ImageRecord[]): Promise<Set<string>> {
  const ids = new Set<string>()
  for (let start = 0; start < records.length; start += ROWS_OF_STATEMENT) {
    const chunk = records.slice(start, start + ROWS_OF_STATEMENT)
    const rows = chunk.map((_record, row) => rowPlaceholders(row))
    const { rows: inserted } = await client.query<{ id: string }>(
      `INSERT INTO library.records ${COLUMNS} VALUES ${rows.join(', ')} ON CONFLICT DO NOTHING RETURNING id`,
      chunk.flatMap((record) => [positionOfId(record.id), ...valuesOf(record)]),
    )
    for (const { id } of inserted) ids.add(id)
  }
  return ids
}

/** Bounds the parameters of a statement, of which Postgres accepts 65,535. */
const ROWS_OF_STATEMENT = 500
const COLUMN_COUNT = 8

function rowPlaceholders(row: number): string {
  const at = (column: number) => `$${row * COLUMN_COUNT + column}`
  return `(${at(1)}, ${at(2)}, ${at(3)}, ${at(4)}, ${at(5)}, ${at(6)}, ${at(7)}, array_to_tsvector(${at(8)}::text[]))`
}

async function replaceOrInsert(client: PoolClient, record: ImageRecord): Promise<void> {
  const values = valuesOf(record)
  for (let position = positionOfId(record.id); ; position++) {
    const { rowCount: replaced } = await client.query(
      `UPDATE library.records SET owner = $2, created_at = $3, bytes = $4, is_named = $5, record = $6,
       terms = array_to_tsvector($7::text[]) WHERE id = $1`,
      values,
    )
    if (replaced === 1) return
    const { rowCount: inserted } = await client.query(
      `INSERT INTO library.records ${COLUMNS} VALUES ${rowPlaceholders(0)} ON CONFLICT DO NOTHING`,
      [position, ...values],
    )
    if (inserted === 1) return
  }
}

async function find(pool: Pool, query: RecordQuery): Promise<RecordPage> {
  const required = termsOfRecordQuery(query)
  if (required.isImpossible) return { records: [] }
  const from = query.since === undefined ? 0 : positionOfTime(query.since)
  const until = query.until === undefined ? Number.MAX_SAFE_INTEGER : positionOfTime(query.until)
  const end = query.cursor === undefined ? until : Math.min(until, fromCursor(query.cursor))
  const expression = matchExpression(required)
  const matching = expression === '' ? '' : 'AND terms @@ $4::tsquery'
  const { rows } = await pool.query<RecordRow & { position: string }>(
    `SELECT position, record FROM library.records WHERE position >= $1 AND position < $2 ${matching}
     ORDER BY position DESC LIMIT $3`,
    [from, end, query.limit + 1, ...(expression === '' ? [] : [expression])],
  )
  const page = rows.slice(0, query.limit)
  const last = rows.length > query.limit ? page.at(-1) : undefined
  return {
    records: page.map(parseRecord),
    ...(last === undefined ? {} : { nextCursor: toCursor(Number(last.position)) }),
  }
}

/** https://www.postgresql.org/docs/current/datatype-textsearch.html. Terms have letters, marks and digits only. */
function matchExpression({ words, labels }: RequiredTerms): string {
  return [
    ...labels.map((term) => `'${term}'`),
    ...words.map(({ term, isPrefix }) => `'${wordLexeme(term)}'${isPrefix ? ':*' : ''}`),
  ].join(' & ')
}

interface RecordRow {
  record: string
}

/** @throws Error if the database was changed by something else */
function parseRecord({ record }: RecordRow): ImageRecord {
  return Value.Parse(ImageRecordSchema, JSON.parse(record))
}
