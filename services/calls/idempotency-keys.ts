import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { LibraryResultSchema } from '../../schemas/library-result.ts'
import { hasChanged, type Migrations, type Run, type StateDatabase } from '../databases/state-database.ts'

/** The keys of calls that are made once, in the state database: processes that share it never both make a call. */

export const idempotencyTables: Migrations = {
  name: 'idempotency',
  steps: [
    `CREATE TABLE state.idempotent_calls (
      key TEXT PRIMARY KEY,
      fingerprint TEXT NOT NULL,
      progress TEXT NOT NULL,
      runner TEXT NOT NULL,
      seen_at BIGINT NOT NULL,
      expires_at BIGINT NOT NULL,
      result TEXT
    );
    CREATE INDEX idempotent_calls_by_end ON state.idempotent_calls (expires_at);`,
    'ALTER TABLE state.idempotent_calls ADD COLUMN job TEXT;',
  ],
}

const RepeatableSchema = Type.Object(
  {
    /** Images that are all in the library. */
    stored: Type.Optional(LibraryResultSchema),
    /** What the client was told of the job that the call became. */
    job: Type.Optional(Type.Object({ id: Type.String(), text: Type.String() })),
  },
  { additionalProperties: false },
)
/** What any process needs to repeat a result. Neither: only the process that made the call has the images. */
export type Repeatable = Static<typeof RepeatableSchema>

const repeatables = Compile(RepeatableSchema)

/** `sent`: Azure may have generated and billed the image. */
const progresses = ['running', 'sent', 'done'] as const

/** A call with the same key. */
export interface KnownCall {
  readonly fingerprint: string
  readonly progress: (typeof progresses)[number]
  /** The process that makes it. */
  readonly runner: string
  /** Whether its process has not been seen for so long that it is taken for dead. */
  readonly isSilent: boolean
  readonly result: Repeatable
  /** Of the job that the call became; it may not be stored. */
  readonly job: string | undefined
}

export interface IdempotencyKeysOptions {
  database: StateDatabase
  /** Names this process; another one after every restart. */
  runner: string
  /** Milliseconds for which a key is known; 24 hours by default. */
  ttlMs?: number
  /** The wall clock, which all processes share. */
  now?: () => number
}

/** Every method may throw `DatabaseUnavailableError`. */
export interface IdempotencyKeys {
  /**
   * Gives this process the key, so that it may make the call; also that of a process that ended before anything was sent,
   * and that of a job that failed or was cancelled without a request that may be billed.
   * @returns the call that has the key otherwise
   */
  claim(key: string, fingerprint: string): Promise<KnownCall | undefined>
  /** The fence, right before the request goes to Azure. @returns false if another process has the key by now */
  markSent(key: string): Promise<boolean>
  /** The call becomes this job. @param run of the transaction that stores the job @returns as `markSent`: otherwise it must not */
  markJob(key: string, id: string, run: Run): Promise<boolean>
  /** Azure has rejected the request without generating anything. */
  markUnsent(key: string): Promise<void>
  /** The call has a result. */
  complete(key: string, result: Repeatable): Promise<void>
  /** The call failed, and may be made again; without effect if it became a job after all. */
  release(key: string): Promise<void>
  /** This process is alive. */
  keep(): Promise<void>
  /** Removes the keys that have expired. */
  expire(): Promise<void>
}

/** A process that is not seen for so long is taken for dead. */
const SILENT_MS = 30_000
const DAY_MS = 86_400_000

export function createIdempotencyKeys(options: IdempotencyKeysOptions): IdempotencyKeys {
  const { database, runner, ttlMs = DAY_MS, now = Date.now } = options

  async function find(key: string): Promise<KnownCall | undefined> {
    const [row] = await database.run('SELECT * FROM state.idempotent_calls WHERE key = $1', [key])
    const progress = progresses.find((each) => each === row?.progress)
    if (row === undefined || progress === undefined) return undefined
    return {
      fingerprint: String(row.fingerprint),
      progress,
      runner: String(row.runner),
      isSilent: Number(row.seen_at) < now() - SILENT_MS,
      result: row.result === null ? {} : repeatables.Parse(JSON.parse(String(row.result))),
      job: row.job === null ? undefined : String(row.job),
    }
  }

  return {
    async claim(key, fingerprint) {
      for (;;) {
        const time = now()
        const claimed = await database.run(
          `INSERT INTO state.idempotent_calls (key, fingerprint, progress, runner, seen_at, expires_at)
           VALUES ($1, $2, 'running', $3, $4, $5)
           ON CONFLICT (key) DO UPDATE SET fingerprint = excluded.fingerprint, progress = 'running', runner = excluded.runner,
             seen_at = excluded.seen_at, expires_at = excluded.expires_at, result = NULL, job = NULL
           WHERE idempotent_calls.expires_at <= excluded.seen_at
             OR (idempotent_calls.progress = 'running' AND idempotent_calls.seen_at < $6)
             OR EXISTS (SELECT id FROM state.jobs
               WHERE id = idempotent_calls.job AND state IN ('failed', 'cancelled') AND sent_at IS NULL)
           RETURNING key`,
          [key, fingerprint, runner, time, time + ttlMs, time - SILENT_MS],
        )
        if (claimed.length > 0) return undefined
        const known = await find(key)
        // It was released in between.
        if (known !== undefined) return known
      }
    },
    async markSent(key) {
      return await hasChanged(
        database.run,
        // A call that was handed over to a job is done already, but may be sent again after a rejection.
        `UPDATE state.idempotent_calls SET progress = CASE progress WHEN 'done' THEN 'done' ELSE 'sent' END, seen_at = $1
         WHERE key = $2 AND runner = $3 RETURNING key`,
        [now(), key, runner],
      )
    },
    async markJob(key, id, run) {
      return await hasChanged(
        run,
        `UPDATE state.idempotent_calls SET progress = 'sent', job = $1, seen_at = $2
         WHERE key = $3 AND runner = $4 RETURNING key`,
        [id, now(), key, runner],
      )
    },
    async markUnsent(key) {
      await database.run(
        `UPDATE state.idempotent_calls SET progress = 'running', seen_at = $1
         WHERE key = $2 AND runner = $3 AND progress = 'sent'`,
        [now(), key, runner],
      )
    },
    async complete(key, result) {
      await database.run(
        `UPDATE state.idempotent_calls SET progress = 'done', result = $1, job = $2, expires_at = $3
         WHERE key = $4 AND runner = $5`,
        [JSON.stringify(result), result.job?.id ?? null, now() + ttlMs, key, runner],
      )
    },
    async release(key) {
      const condition = `WHERE key = $1 AND runner = $2 AND progress <> 'done'`
      await database.transaction(async (run) => {
        // After a transaction that may still store a job for it.
        await run(`UPDATE state.idempotent_calls SET runner = runner ${condition}`, [key, runner])
        await run(
          `DELETE FROM state.idempotent_calls ${condition}
             AND NOT EXISTS (SELECT id FROM state.jobs WHERE id = idempotent_calls.job)`,
          [key, runner],
        )
      })
    },
    async keep() {
      await database.run(`UPDATE state.idempotent_calls SET seen_at = $1 WHERE runner = $2 AND progress <> 'done'`, [
        now(),
        runner,
      ])
    },
    async expire() {
      await database.run('DELETE FROM state.idempotent_calls WHERE expires_at <= $1', [now()])
    },
  }
}
