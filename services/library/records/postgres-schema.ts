import type { Query } from '../../databases/postgres.ts'

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

/** Creates the schema `library`. @returns whether the index was emptied */
export async function prepareSchema(query: Query): Promise<boolean> {
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
