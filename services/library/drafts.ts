import type { Migrations, StateDatabase } from '../databases/state-database.ts'

/** What people have begun in the studio; times in milliseconds since 1970. */
export const draftTables: Migrations = {
  name: 'drafts',
  steps: [
    `CREATE TABLE state.drafts (
      owner TEXT NOT NULL,
      image TEXT NOT NULL,
      text TEXT NOT NULL,
      saved_at BIGINT NOT NULL,
      PRIMARY KEY (owner, image)
    );
    CREATE INDEX drafts_by_time ON state.drafts (saved_at);
    CREATE INDEX drafts_of_owner ON state.drafts (owner, saved_at);`,
  ],
}

/** Texts that the studio keeps for its user: one for each caller and image. */
export interface Drafts {
  /** Undefined: there is none. @param image its id; empty: of no image @throws DatabaseUnavailableError */
  get(owner: string, image: string): Promise<string | undefined>
  /** Replaces the earlier one; an empty text removes it. @throws as `get` */
  put(owner: string, image: string, text: string): Promise<void>
}

export interface DraftsOptions {
  database: Pick<StateDatabase, 'run'>
  now?: () => number
}

const TTL_MS = 7 * 24 * 60 * 60_000
/** Of one caller; the oldest one makes way. */
const MAX_DRAFTS = 100

export function createDrafts({ database: { run }, now = Date.now }: DraftsOptions): Drafts {
  return {
    async get(owner, image) {
      const [row] = await run('SELECT text FROM state.drafts WHERE owner = $1 AND image = $2 AND saved_at > $3', [
        owner,
        image,
        now() - TTL_MS,
      ])
      return row === undefined ? undefined : String(JSON.parse(String(row.text)))
    },
    async put(owner, image, text) {
      await run('DELETE FROM state.drafts WHERE saved_at <= $1', [now() - TTL_MS])
      if (text === '') {
        await run('DELETE FROM state.drafts WHERE owner = $1 AND image = $2', [owner, image])
        return
      }
      // As JSON, since Postgres stores no NUL.
      const values = [owner, image, JSON.stringify(text), now()]
      await run(
        `INSERT INTO state.drafts (owner, image, text, saved_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (owner, image) DO UPDATE SET text = excluded.text, saved_at = excluded.saved_at`,
        values,
      )
      await run(
        `DELETE FROM state.drafts WHERE owner = $1 AND image <> $2 AND image NOT IN
         (SELECT image FROM state.drafts WHERE owner = $1 ORDER BY saved_at DESC LIMIT ${MAX_DRAFTS})`,
        [owner, image],
      )
    },
  }
}
