import { rmSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { ImageRecord } from '../../../schemas/image-record.ts'
import { positionOfId } from '../image-id.ts'
import { type RequiredTerms, termsOfRecord, termsOfRecordQuery } from './match-terms.ts'
import { parseRecord } from './parse-record.ts'
import { type RecordIndex, type RecordPage, type RecordQuery, rangeOf, toPage, unnamedRangeOf } from './record-index.ts'

/** Raised when tables or terms change: an index of another version is emptied, and rebuilt by its owner. */
const VERSION = 2

/** How long a call waits for a write of another process; it stops the event loop meanwhile. */
const BUSY_TIMEOUT_MS = 1_000

/** The tokenizer takes terms as they are: of what is not ASCII it separates nothing. */
const SCHEMA = `
  CREATE TABLE records (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    is_named INTEGER NOT NULL,
    record TEXT NOT NULL
  ) STRICT;
  CREATE INDEX unnamed ON records (owner, position, bytes) WHERE is_named = 0;
  CREATE INDEX unnamed_by_age ON records (position) WHERE is_named = 0;
  CREATE VIRTUAL TABLE terms USING fts5 (
    words, labels, content = '', contentless_delete = 1, detail = column, prefix = '1 2 3', tokenize = 'ascii'
  );
  PRAGMA user_version = ${VERSION};
`

export interface SqliteIndexOptions {
  /** Path of the database; blank for one that is private to this process, in SQLite's temporary folder. */
  file: string
  /** A damaged database was replaced by an empty one, which has to be filled. */
  onEmptied(): void
}

/**
 * The index of one machine, in a SQLite database. Its calls are synchronous and take well under a millisecond each. A
 * damaged database is replaced, since everything in it can be rebuilt.
 *
 * @returns the index, and whether it is new or was emptied and so has to be filled
 * @throws Error if the database cannot be opened or written, or the file system cannot hold a write-ahead log
 */
export function openSqliteIndex({ file, onEmptied }: SqliteIndexOptions): { index: RecordIndex; isEmpty: boolean } {
  let current = openDatabase(file)
  const { isEmpty } = current
  let isDamaged = false

  function run<T>(work: (opened: Opened) => T): T {
    // A replacement can fail, for instance because the disk is full; the next call tries again.
    if (isDamaged) replace()
    try {
      return work(current)
    } catch (error) {
      if (!isDamage(error)) throw error
      isDamaged = true
      replace()
      return work(current)
    }
  }

  function replace(): void {
    if (current.database.isOpen) current.database.close()
    removeDatabase(file)
    current = tryOpen(file)
    isDamaged = false
    onEmptied()
  }

  return { index: createIndex(run, () => current.database), isEmpty }
}

interface Opened {
  database: DatabaseSync
  statements: ReturnType<typeof prepareStatements>
  isEmpty: boolean
}

function openDatabase(file: string): Opened {
  try {
    return tryOpen(file)
  } catch (error) {
    if (!isDamage(error)) throw error
    removeDatabase(file)
    return tryOpen(file)
  }
}

function tryOpen(file: string): Opened {
  const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS })
  try {
    const isPrivate = file === ''
    const wanted = isPrivate ? 'memory' : 'wal'
    const mode = String(database.prepare(`PRAGMA journal_mode = ${wanted}`).get()?.journal_mode)
    if (mode !== wanted) throw new Error('the file system does not support a write-ahead log')
    // Everything can be rebuilt, so a power loss may cost the last records of the index.
    database.exec(`PRAGMA synchronous = ${isPrivate ? 'OFF' : 'NORMAL'}; PRAGMA cache_size = -16384`)
    const isEmpty = prepareSchema(database)
    return { database, statements: prepareStatements(database), isEmpty }
  } catch (error) {
    database.close()
    throw error
  }
}

function removeDatabase(file: string): void {
  if (file !== '') for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true })
}

/** https://www.sqlite.org/rescode.html: SQLITE_IOERR, SQLITE_CORRUPT, SQLITE_NOTADB, and records that are none. */
const DAMAGE_CODES: ReadonlySet<unknown> = new Set([10, 11, 26])

function isDamage(error: unknown): boolean {
  if (error instanceof DamagedRecordError) return true
  return error instanceof Error && 'errcode' in error && DAMAGE_CODES.has(Number(error.errcode) & 0xff)
}

class DamagedRecordError extends Error {}

/** Takes the write lock before it reads the version, so that processes that start at once do not both create tables. */
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
    // Some errors have ended the transaction already.
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

function createIndex(run: <T>(work: (opened: Opened) => T) => T, database: () => DatabaseSync): RecordIndex {
  return {
    async put(records) {
      run(({ database, statements }) =>
        transaction(database, () => {
          for (const record of records) putNow(statements, record)
        }),
      )
    },
    async get(id) {
      return run(({ statements }) => {
        const row = statements.get.get(id)
        return row === undefined ? undefined : recordOf(row)
      })
    },
    async missing(ids) {
      return run(({ statements }) => ids.filter((id) => statements.position.get(id) === undefined))
    },
    async remove(id) {
      return run(({ database, statements }) => transaction(database, () => removeNow(statements, id)))
    },
    async removeUnnamed(id) {
      return run(({ database, statements }) =>
        transaction(database, () => statements.unnamed.get(id) !== undefined && removeNow(statements, id)),
      )
    },
    async find(query) {
      return run(({ statements }) => find(statements, query))
    },
    async unnamedBytes() {
      return run(({ statements }) =>
        statements.unnamedBytes.all().map(({ owner, bytes }) => ({ owner: ownerOf(owner), bytes: Number(bytes) })),
      )
    },
    async oldestUnnamed(query) {
      const { owner, limit } = query
      const { after, end } = unnamedRangeOf(query)
      return run(({ statements }) => {
        const rows =
          owner === undefined
            ? statements.oldest.all(after, end, limit + 1)
            : statements.oldestOf.all(JSON.stringify(owner), after, end, limit + 1)
        return pageOf(rows, limit)
      })
    },
    // The processes of one machine that share a folder are few, and removing twice does no harm.
    alone: (work) => work(),
    async optimize() {
      run(({ database }) => database.exec('PRAGMA optimize'))
    },
    async [Symbol.asyncDispose]() {
      if (database().isOpen) database().close()
    },
  }
}

type Statements = Opened['statements']

function putNow(statements: Statements, record: ImageRecord): void {
  const { id, owner, bytes, isNamed } = record
  const known = statements.position.get(id)
  removeNow(statements, id)
  let position = known === undefined ? positionOfId(id) : Number(known.position)
  while (statements.isTaken.get(position) !== undefined) position++
  statements.insert.run(position, id, JSON.stringify(owner), bytes, isNamed ? 1 : 0, JSON.stringify(record))
  const { words, labels } = termsOfRecord(record)
  statements.insertTerms.run(position, words.join(' '), labels.join(' '))
}

function removeNow(statements: Statements, id: string): boolean {
  const row = statements.position.get(id)
  if (row === undefined) return false
  statements.removeTerms.run(Number(row.position))
  statements.remove.run(Number(row.position))
  return true
}

function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string): StatementSync => database.prepare(sql)
  /** A write reports the last row that it inserted, which of the full-text tables can be beyond 2^53. */
  const prepareWrite = (sql: string): StatementSync => {
    const statement = prepare(sql)
    statement.setReadBigInts(true)
    return statement
  }
  return {
    position: prepare('SELECT position FROM records WHERE id = ?'),
    unnamed: prepare('SELECT 1 FROM records WHERE id = ? AND is_named = 0'),
    isTaken: prepare('SELECT 1 FROM records WHERE position = ?'),
    get: prepare('SELECT record FROM records WHERE id = ?'),
    insert: prepareWrite('INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)'),
    insertTerms: prepareWrite('INSERT INTO terms (rowid, words, labels) VALUES (?, ?, ?)'),
    remove: prepareWrite('DELETE FROM records WHERE position = ?'),
    removeTerms: prepareWrite('DELETE FROM terms WHERE rowid = ?'),
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
    oldest: prepare(
      'SELECT position, record FROM records WHERE is_named = 0 AND position > ? AND position < ? ORDER BY position LIMIT ?',
    ),
    oldestOf: prepare(`
      SELECT position, record FROM records WHERE is_named = 0 AND owner = ? AND position > ? AND position < ?
      ORDER BY position LIMIT ?`),
  }
}

function find(statements: Statements, query: RecordQuery) {
  const required = termsOfRecordQuery(query)
  const { from, end } = rangeOf(query)
  if (required.isImpossible) return { records: [] }
  const expression = matchExpression(required)
  const rows =
    expression === ''
      ? statements.all.all(from, end, query.limit + 1)
      : statements.matching.all(expression, from, end, query.limit + 1)
  return pageOf(rows, query.limit)
}

function pageOf(rows: readonly Record<string, unknown>[], limit: number): RecordPage {
  return toPage(
    rows.map((row) => ({ position: Number(row.position), record: recordOf(row) })),
    limit,
  )
}

/** https://www.sqlite.org/fts5.html#full_text_query_syntax. Terms have letters, marks and digits only, so quotes suffice. */
function matchExpression({ words, labels }: RequiredTerms): string {
  return [
    ...labels.map((term) => `labels : "${term}"`),
    ...words.map(({ term, isPrefix }) => `words : "${term}"${isPrefix ? ' *' : ''}`),
  ].join(' AND ')
}

/** The column has JSON, which has neither NUL nor half of a surrogate pair. */
function ownerOf(column: unknown): string {
  return String(JSON.parse(String(column)))
}

/** @throws DamagedRecordError */
function recordOf({ record }: Record<string, unknown>): ImageRecord {
  try {
    return parseRecord(String(record))
  } catch (cause) {
    throw new DamagedRecordError('the database has a record that is none', { cause })
  }
}
