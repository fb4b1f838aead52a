import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { Value } from 'typebox/value'
import { type ImageRecord, ImageRecordSchema } from '../../../schemas/image-record.ts'
import { positionOfId, positionOfTime } from '../image-id.ts'
import { type RequiredTerms, termsOfRecord, termsOfRecordQuery } from './match-terms.ts'
import { fromCursor, type RecordIndex, type RecordQuery, toCursor } from './record-index.ts'

/** Raised when tables or terms change: an index of another version is emptied, and rebuilt by its owner. */
const VERSION = 1

/** How long a write waits for another process. */
const BUSY_TIMEOUT_MS = 5_000

const SCHEMA = `
  CREATE TABLE records (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    is_named INTEGER NOT NULL,
    record TEXT NOT NULL
  ) STRICT;
  CREATE INDEX unnamed ON records (owner, position, bytes) WHERE is_named = 0;
  CREATE VIRTUAL TABLE terms USING fts5 (
    words, labels, content = '', contentless_delete = 1, detail = column, prefix = '1 2 3',
    tokenize = "unicode61 remove_diacritics 0 categories 'L* M* N*'"
  );
  PRAGMA user_version = ${VERSION};
`

export interface SqliteIndexOptions {
  /** Path of the database, or `:memory:`. */
  file: string
}

/**
 * The index of one machine, in a SQLite database. Its calls are synchronous and take well under a millisecond each.
 *
 * @returns the index, and whether it is new or was emptied and so has to be filled
 * @throws Error if the database cannot be opened or the file system cannot hold a write-ahead log
 */
export function openSqliteIndex({ file }: SqliteIndexOptions): { index: RecordIndex; isEmpty: boolean } {
  const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS })
  try {
    const mode = String(database.prepare('PRAGMA journal_mode = WAL').get()?.journal_mode)
    if (file !== ':memory:' && mode !== 'wal') throw new Error('the file system does not support a write-ahead log')
    // Everything can be rebuilt, so a power loss may cost the last records of the index.
    database.exec('PRAGMA synchronous = NORMAL')
    const isEmpty = prepareSchema(database)
    return { index: createIndex(database), isEmpty }
  } catch (error) {
    database.close()
    throw error
  }
}

function prepareSchema(database: DatabaseSync): boolean {
  return transaction(database, () => {
    if (Number(database.prepare('PRAGMA user_version').get()?.user_version) === VERSION) return false
    database.exec('DROP TABLE IF EXISTS records; DROP TABLE IF EXISTS terms;')
    database.exec(SCHEMA)
    return true
  })
}

/** Takes the write lock at once, so that a read in it cannot become stale. */
function transaction<T>(database: DatabaseSync, run: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = run()
    database.exec('COMMIT')
    return result
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}

function createIndex(database: DatabaseSync): RecordIndex {
  const statements = prepareStatements(database)

  function removeNow(id: string): boolean {
    const row = statements.position.get(id)
    if (row === undefined) return false
    statements.removeTerms.run(Number(row.position))
    statements.remove.run(Number(row.position))
    return true
  }

  function putNow(record: ImageRecord): void {
    const { id, owner, createdAt, bytes, isNamed } = record
    const known = statements.position.get(id)
    removeNow(id)
    let position = known === undefined ? positionOfId(id) : Number(known.position)
    while (statements.isTaken.get(position) !== undefined) position++
    statements.insert.run(position, id, owner, createdAt, bytes, isNamed ? 1 : 0, JSON.stringify(record))
    const { words, labels } = termsOfRecord(record)
    statements.insertTerms.run(position, words.join(' '), labels.join(' '))
  }

  return {
    async put(records) {
      transaction(database, () => {
        for (const record of records) putNow(record)
      })
    },
    async get(id) {
      const row = statements.get.get(id)
      return row === undefined ? undefined : parseRecord(row.record)
    },
    async remove(id) {
      return transaction(database, () => removeNow(id))
    },
    async find(query) {
      return find(statements, query)
    },
    async unnamedBytes() {
      return statements.unnamedBytes.all().map(({ owner, bytes }) => ({ owner: String(owner), bytes: Number(bytes) }))
    },
    async oldestUnnamed({ owner, before }, limit) {
      const end = before === undefined ? Number.MAX_SAFE_INTEGER : positionOfTime(before)
      const rows = owner === undefined ? statements.oldest.all(end, limit) : statements.oldestOf.all(owner, end, limit)
      return rows.map(({ record }) => parseRecord(record))
    },
    async [Symbol.asyncDispose]() {
      if (database.isOpen) database.close()
    },
  }
}

type Statements = ReturnType<typeof prepareStatements>

function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string): StatementSync => database.prepare(sql)
  return {
    position: prepare('SELECT position FROM records WHERE id = ?'),
    isTaken: prepare('SELECT 1 FROM records WHERE position = ?'),
    get: prepare('SELECT record FROM records WHERE id = ?'),
    insert: prepare('INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)'),
    insertTerms: prepare('INSERT INTO terms (rowid, words, labels) VALUES (?, ?, ?)'),
    remove: prepare('DELETE FROM records WHERE position = ?'),
    removeTerms: prepare('DELETE FROM terms WHERE rowid = ?'),
    all: prepare(
      'SELECT position, record FROM records WHERE position >= ? AND position < ? ORDER BY position DESC LIMIT ?',
    ),
    // The limit before the join: otherwise every match is joined.
    matching: prepare(`
      SELECT position, record FROM records WHERE position IN (
        SELECT rowid FROM terms WHERE terms MATCH ? AND rowid >= ? AND rowid < ? ORDER BY rowid DESC LIMIT ?
      ) ORDER BY position DESC`),
    unnamedBytes: prepare(
      'SELECT owner, sum(bytes) AS bytes FROM records WHERE is_named = 0 GROUP BY owner ORDER BY bytes DESC, owner',
    ),
    oldest: prepare('SELECT record FROM records WHERE is_named = 0 AND position < ? ORDER BY position LIMIT ?'),
    oldestOf: prepare(
      'SELECT record FROM records WHERE is_named = 0 AND owner = ? AND position < ? ORDER BY position LIMIT ?',
    ),
  }
}

function find(statements: Statements, query: RecordQuery) {
  const required = termsOfRecordQuery(query)
  if (required.isImpossible) return { records: [] }
  const from = query.since === undefined ? 0 : positionOfTime(query.since)
  const until = query.until === undefined ? Number.MAX_SAFE_INTEGER : positionOfTime(query.until)
  const end = query.cursor === undefined ? until : Math.min(until, fromCursor(query.cursor))
  const expression = matchExpression(required)
  const rows =
    expression === ''
      ? statements.all.all(from, end, query.limit + 1)
      : statements.matching.all(expression, from, end, query.limit + 1)
  const page = rows.slice(0, query.limit)
  const last = rows.length > query.limit ? page.at(-1) : undefined
  return {
    records: page.map(({ record }) => parseRecord(record)),
    ...(last === undefined ? {} : { nextCursor: toCursor(Number(last.position)) }),
  }
}

/** https://www.sqlite.org/fts5.html#full_text_query_syntax. Terms have letters, marks and digits only, so quotes suffice. */
function matchExpression({ words, labels }: RequiredTerms): string {
  return [
    ...labels.map((term) => `labels : "${term}"`),
    ...words.map(({ term, isPrefix }) => `words : "${term}"${isPrefix ? ' *' : ''}`),
  ].join(' AND ')
}

/** @throws Error if the database was changed by something else */
function parseRecord(text: unknown): ImageRecord {
  return Value.Parse(ImageRecordSchema, JSON.parse(String(text)))
}
