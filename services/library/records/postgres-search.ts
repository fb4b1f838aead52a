import type { QueryResultRow } from 'pg'
import type { Query } from '../../databases/postgres.ts'
import { type RequiredTerms, termsOfRecordQuery } from './match-terms.ts'
import { parseRecord } from './parse-record.ts'
import { type RecordPage, type RecordQuery, rangeOf, toPage } from './record-index.ts'

/** No label begins like a word. */
export const wordLexeme = (word: string) => `w${word}`

export interface RecordRow extends QueryResultRow {
  record: string
}

export interface PositionRow extends RecordRow {
  position: string
}

/** @throws InvalidCursorError, DatabaseUnavailableError */
export async function find(query: Query, wanted: RecordQuery): Promise<RecordPage> {
  const required = termsOfRecordQuery(wanted)
  const { from, end } = rangeOf(wanted)
  if (required.isImpossible) return { records: [] }
  const expression = matchExpression(required)
  const rows = expression === '' ? await newest(query, from, end, wanted.limit) : await matching()
  return pageOf(rows, wanted.limit)

  /** What is common is found among the newest records, what is rare by the index; a plan for both would read far too much. */
  async function matching(): Promise<readonly PositionRow[]> {
    const count = wanted.limit + 1
    const few = await among(FEW_RECORDS)
    if (few.length >= count) return few
    const many = few.length * (MANY_RECORDS / FEW_RECORDS) >= 2 * count ? await among(MANY_RECORDS) : few
    if (many.length >= count) return many
    const selective = matchExpression(selectiveTerms(required))
    const { rows } = await query<PositionRow>(
      'SELECT place AS position, content AS record FROM library.matching($1, $2, $3, $4, $5)',
      [from, end, count, selective, expression],
    )
    return rows
  }

  /** Those of the newest records that match. */
  async function among(records: number): Promise<readonly PositionRow[]> {
    const { rows } = await query<PositionRow>(
      `SELECT position, record FROM (
         SELECT position, record, terms FROM library.records WHERE position >= $1 AND position < $2
         ORDER BY position DESC LIMIT $5
       ) AS recent WHERE terms @@ $4::tsquery ORDER BY position DESC LIMIT $3`,
      [from, end, wanted.limit + 1, expression, records],
    )
    return rows
  }
}

const FEW_RECORDS = 120
const MANY_RECORDS = 2_000

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

export function pageOf(rows: readonly PositionRow[], limit: number): RecordPage {
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
