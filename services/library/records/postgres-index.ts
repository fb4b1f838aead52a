import type { ImageRecord } from '../../../schemas/image-record.ts'
import {
  createPostgres,
  LONG_TIMEOUT_MS,
  type PostgresDatabase,
  type Query,
  TIMEOUT_MS,
} from '../../databases/postgres.ts'
import { isImageId, positionOfId } from '../image-id.ts'
import { termsOfRecord } from './match-terms.ts'
import { parseRecord } from './parse-record.ts'
import { prepareSchema, SCHEMA_LOCK } from './postgres-schema.ts'
import { find, type PositionRow, pageOf, type RecordRow, wordLexeme } from './postgres-search.ts'
import { type RecordIndex, unnamedRangeOf } from './record-index.ts'

/** Any number, the same in every replica: work that one of them does for all. */
const WORK_LOCK = SCHEMA_LOCK + 1

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
 * @throws DatabaseUnavailableError if the URL is none
 */
export async function openPostgresIndex({
  url,
  maxConnections = 8,
  onError,
}: PostgresIndexOptions): Promise<{ index: RecordIndex; isEmpty: boolean }> {
  const database = createPostgres({ url, maxConnections, prepare: prepareSchema, onError })
  const isEmpty = await database.prepared().catch(() => true)
  return { index: createIndex(database), isEmpty }
}

function createIndex({ query, transaction, close }: PostgresDatabase<boolean>): RecordIndex {
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
    async removeUnnamed(id) {
      const { rowCount } = await query('DELETE FROM library.records WHERE id = $1 AND NOT is_named', [id])
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
