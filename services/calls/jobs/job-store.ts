import { hasChanged, type Row, type Run, type StateDatabase } from '../../databases/state-database.ts'
import { type ServiceError, serviceError } from '../../errors/errors.ts'
import { type Job, type JobCall, type JobOutcome, type JobState, jobStates, type QueuedJob } from './job.ts'
import { type JobInput, withResponses } from './job-input.ts'
import { inputOf, known, toJob } from './job-row.ts'

export interface JobStoreOptions {
  database: StateDatabase
  /** Names the store of images that this process uses: `claimNext` gives it no job whose images are in another one. */
  place: string
  /** Jobs that may be queued or running, of all callers together and of one. */
  maxJobs: number
  maxJobsOfCaller: number
  /** Milliseconds for which a job may wait for its turn, and for which its result can be read. */
  ttlMs: number
  /** The wall clock, which all processes share. */
  now?: () => number
}

/** The truth about jobs, whichever process runs them. Every method may throw `DatabaseUnavailableError`. */
export interface JobStore {
  /**
   * Durable when it resolves.
   * @param before part of the same transaction; what it throws prevents the job
   * @throws ServiceError `IMG_ERR_JOBS_FULL`
   */
  add(id: string, call: JobCall, before?: (run: Run) => Promise<void>): Promise<Job>
  /** Stores a call that the runner has begun, and which no other one can run. @param isSent whether it may have sent it */
  addRunning(id: string, call: JobCall, runner: string, isSent: boolean): Promise<Job>
  get(id: string): Promise<Job | undefined>
  /** Gives the runner the queued job whose turn is next, if there is one; none that is about to expire. */
  claimNext(runner: string): Promise<Job | undefined>
  /** Gives the runner a certain job. Undefined: it is another runner's, or it has ended or is about to expire. */
  claim(id: string, runner: string): Promise<Job | undefined>
  /**
   * The fence, passed right before the request goes to Azure: once passed, no other runner ever sends it.
   * @returns false if the job is no longer the runner's, or is to be cancelled
   */
  markSent(id: string, runner: string): Promise<boolean>
  /** The runner has sent nothing after all, or Azure has rejected it without generating anything. */
  markUnsent(id: string, runner: string): Promise<void>
  /** Queues the runner's job again, of which nothing was sent. @returns whether it was the runner's */
  release(id: string, runner: string): Promise<boolean>
  /** The runner's unsent job asks its client. @returns whether it was */
  ask(id: string, runner: string, input: JobInput): Promise<boolean>
  /**
   * Stores responses to what a job has asked; with the last of them it is queued again.
   * @returns the job as it is then; undefined: nothing was asked
   */
  respond(id: string, responses: Readonly<Record<string, unknown>>): Promise<Job | undefined>
  /** Ends the runner's job; also one that was given up as unknown. @returns whether it was */
  end(id: string, runner: string, state: JobState, outcome: JobOutcome): Promise<boolean>
  /**
   * Cancels a queued job; a running one only until its request goes to Azure. @returns the job as it is then: `cancelled`
   * without `isCancelRequested` if it ended by this call
   */
  cancel(id: string): Promise<Job | undefined>
  /** The runner is alive and runs these jobs. @returns those of them that are still its own and are not to be cancelled */
  keep(runner: string, ids: readonly string[]): Promise<ReadonlySet<string>>
  /**
   * What runners that were not seen for so long have left: unsent jobs are queued again or, if they cannot run elsewhere, have
   * `failed`; sent ones become unknown.
   */
  recover(silentMs: number): Promise<LostJobs>
  /** The queued jobs whose turns are next. */
  next(limit: number): Promise<readonly QueuedJob[]>
  /** Removes what has expired: queued jobs fail, ended ones are forgotten. @returns those that have failed */
  expire(): Promise<readonly Job[]>
  /** Jobs by state, and the milliseconds that the oldest queued one has waited. */
  count(): Promise<{ readonly byState: Readonly<Record<JobState, number>>; readonly oldestMs: number }>
  /** Jobs that are queued before this one. */
  ahead(job: Job): Promise<number>
}

interface LostJobs {
  readonly queued: readonly string[]
  readonly unknown: readonly string[]
  readonly failed: readonly Job[]
}

/** Without a runner, and nothing sent. */
const WAITING = `state IN ('queued', 'input_required')`
const UNFINISHED = `state IN ('queued', 'running', 'input_required')`
/** A job whose outcome is unknown still completes if its runner was only slow. */
const ENDABLE = `state IN ('running', 'unknown')`

export function createJobStore(options: JobStoreOptions): JobStore {
  const { database, place, maxJobs, maxJobsOfCaller, ttlMs, now = Date.now } = options
  const one = async (...statement: Parameters<Run>) => toJob((await database.run(...statement))[0])
  const many = async (...statement: Parameters<Run>) =>
    (await database.run(...statement)).map((row) => known(toJob(row)))

  /** Why no further job of this caller can be added. */
  async function fullError(run: Run, owner: string): Promise<ServiceError> {
    const [row] = await run(`SELECT COUNT(*) AS own FROM state.jobs WHERE owner = $1 AND ${UNFINISHED}`, [owner])
    const own = Number(row?.own)
    return serviceError('IMG_ERR_JOBS_FULL', [
      own >= maxJobsOfCaller ? `you have ${own} unfinished ones` : 'the queue is full',
    ])
  }

  async function insert(run: Run, id: string, call: JobCall): Promise<Job> {
    const owner = call.caller.id
    const createdAt = now()
    const [row] = await run(
      `INSERT INTO state.jobs (id, owner, call, state, priority, created_at, expires_at, place)
         SELECT $1, $2, $3, 'queued', 1 + own, CAST($4 AS BIGINT), CAST($5 AS BIGINT), $8 FROM (
           SELECT COUNT(*) AS jobs, COUNT(CASE WHEN owner = $2 THEN 1 END) AS own FROM state.jobs WHERE ${UNFINISHED}
         ) AS counts
         WHERE jobs < CAST($6 AS BIGINT) AND own < CAST($7 AS BIGINT) RETURNING *`,
      [id, owner, JSON.stringify(call), createdAt, createdAt + ttlMs, maxJobs, maxJobsOfCaller, place],
    )
    if (row === undefined) throw await fullError(run, owner)
    return known(toJob(row))
  }

  return {
    async add(id, call, before) {
      if (before === undefined) return await insert(database.run, id, call)
      return await database.transaction(async (run) => {
        await before(run)
        return await insert(run, id, call)
      })
    },
    async addRunning(id, call, runner, isSent) {
      const time = now()
      const rows = await database.run(
        `INSERT INTO state.jobs (id, owner, call, state, priority, created_at, expires_at, started_at, sent_at, seen_at, runner)
         VALUES ($1, $2, $3, 'running', 1, $4, $5, $4, $6, $4, $7) RETURNING *`,
        [id, call.caller.id, JSON.stringify(call), time, time + ttlMs, isSent ? time : null, runner],
      )
      return known(toJob(rows[0]))
    },
    get: (id) => one('SELECT * FROM state.jobs WHERE id = $1', [id]),
    claimNext: (runner) =>
      one(
        `UPDATE state.jobs SET state = 'running', runner = $1, started_at = $2, seen_at = $2
         WHERE state = 'queued' AND id = (
           SELECT id FROM state.jobs WHERE state = 'queued' AND place = $3 AND expires_at >= $2
           ORDER BY priority, created_at LIMIT 1
         ) RETURNING *`,
        [runner, now(), place],
      ),
    claim: (id, runner) =>
      one(
        `UPDATE state.jobs SET state = 'running', runner = $1, started_at = $2, seen_at = $2
         WHERE id = $3 AND state = 'queued' AND expires_at >= $2 RETURNING *`,
        [runner, now(), id],
      ),
    async markSent(id, runner) {
      return await hasChanged(
        database.run,
        `UPDATE state.jobs SET sent_at = $1, seen_at = $1
         WHERE id = $2 AND runner = $3 AND state = 'running' AND sent_at IS NULL AND is_cancel_requested = 0 RETURNING id`,
        [now(), id, runner],
      )
    },
    async markUnsent(id, runner) {
      await database.run(
        `UPDATE state.jobs SET state = 'running', sent_at = NULL, ended_at = NULL, seen_at = $1
         WHERE id = $2 AND runner = $3 AND ${ENDABLE}`,
        [now(), id, runner],
      )
    },
    async release(id, runner) {
      return await hasChanged(
        database.run,
        `UPDATE state.jobs SET state = 'queued', runner = NULL, started_at = NULL, sent_at = NULL, ended_at = NULL
         WHERE id = $1 AND runner = $2 AND ${ENDABLE} RETURNING id`,
        [id, runner],
      )
    },
    async ask(id, runner, input) {
      return await hasChanged(
        database.run,
        `UPDATE state.jobs SET state = 'input_required', input = $1, runner = NULL
         WHERE id = $2 AND runner = $3 AND state = 'running' AND sent_at IS NULL AND is_cancel_requested = 0 RETURNING id`,
        [JSON.stringify(input), id, runner],
      )
    },
    async respond(id, responses) {
      for (;;) {
        const [row] = await database.run(`SELECT input FROM state.jobs WHERE id = $1 AND state = 'input_required'`, [
          id,
        ])
        if (row === undefined) return undefined
        const input = withResponses(inputOf(row), responses)
        const state = Object.keys(input.requests).length === 0 ? 'queued' : 'input_required'
        // Another response may have been stored since.
        const changed = await one(
          `UPDATE state.jobs SET state = $1, input = $2 WHERE id = $3 AND state = 'input_required' AND input = $4 RETURNING *`,
          [state, JSON.stringify(input), id, String(row.input)],
        )
        if (changed !== undefined) return changed
      }
    },
    async end(id, runner, state, outcome) {
      const endedAt = now()
      return await hasChanged(
        database.run,
        `UPDATE state.jobs SET state = $1, outcome = $2, ended_at = $3, expires_at = $4
         WHERE id = $5 AND runner = $6 AND ${ENDABLE} RETURNING id`,
        [state, JSON.stringify(outcome), endedAt, endedAt + ttlMs, id, runner],
      )
    },
    async cancel(id) {
      for (;;) {
        const cancelled = await one(
          `UPDATE state.jobs SET state = 'cancelled', is_cancel_requested = 0, ended_at = $1, expires_at = $2
           WHERE id = $3 AND ${WAITING} RETURNING *`,
          [now(), now() + ttlMs, id],
        )
        if (cancelled !== undefined) return cancelled
        const marked = await one(
          `UPDATE state.jobs SET is_cancel_requested = 1 WHERE id = $1 AND NOT (${WAITING}) RETURNING *`,
          [id],
        )
        // Its turn may have ended in between with a question, or without a request: such a job hears of no mark.
        if (marked !== undefined || (await one('SELECT * FROM state.jobs WHERE id = $1', [id])) === undefined)
          return marked
      }
    },
    async keep(runner, ids) {
      const list = ids.map((_, at) => `$${at + 3}`).join(', ')
      const rows = await database.run(
        `UPDATE state.jobs SET seen_at = $1
         WHERE runner = $2 AND state = 'running' AND id IN (${list}) RETURNING id, is_cancel_requested`,
        [now(), runner, ...ids],
      )
      return new Set(rows.filter((row) => Number(row.is_cancel_requested) === 0).map(idOf))
    },
    async recover(silentMs) {
      const before = now() - silentMs
      const unknown = await database.run(
        `UPDATE state.jobs SET state = 'unknown', ended_at = $1, expires_at = $2
         WHERE state = 'running' AND seen_at < $3 AND sent_at IS NOT NULL RETURNING id`,
        [now(), now() + ttlMs, before],
      )
      const failed = await many(
        `UPDATE state.jobs SET state = 'failed', outcome = $1, ended_at = $2, expires_at = $3
         WHERE state = 'running' AND seen_at < $4 AND sent_at IS NULL AND place = '' RETURNING *`,
        [errorOutcome('IMG_ERR_JOB_LOST'), now(), now() + ttlMs, before],
      )
      const queued = await database.run(
        `UPDATE state.jobs SET state = 'queued', runner = NULL, started_at = NULL
         WHERE state = 'running' AND seen_at < $1 AND sent_at IS NULL RETURNING id`,
        [before],
      )
      return { unknown: unknown.map(idOf), queued: queued.map(idOf), failed }
    },
    async next(limit) {
      const rows = await database.run(
        `SELECT id, priority FROM state.jobs WHERE state = 'queued' ORDER BY priority, created_at LIMIT ${limit}`,
      )
      return rows.map((row) => ({ id: idOf(row), priority: Number(row.priority) }))
    },
    async expire() {
      const expired = await many(
        `UPDATE state.jobs SET state = 'failed', outcome = $1, ended_at = $2, expires_at = $3
         WHERE ${WAITING} AND expires_at < $2 RETURNING *`,
        [errorOutcome('IMG_ERR_JOB_EXPIRED'), now(), now() + ttlMs],
      )
      await database.run(`DELETE FROM state.jobs WHERE expires_at < $1 AND NOT (${UNFINISHED})`, [now()])
      return expired
    },
    async count() {
      const rows = await database.run(
        'SELECT state, COUNT(*) AS jobs, MIN(created_at) AS first FROM state.jobs GROUP BY state',
      )
      const of = (state: JobState) => rows.find((row) => row.state === state)
      const byState = { queued: 0, running: 0, input_required: 0, completed: 0, failed: 0, cancelled: 0, unknown: 0 }
      for (const state of jobStates) byState[state] = Number(of(state)?.jobs ?? 0)
      const first = of('queued')?.first
      return { byState, oldestMs: first === undefined ? 0 : Math.max(0, now() - Number(first)) }
    },
    async ahead({ priority, createdAt }) {
      const [row] = await database.run(
        `SELECT COUNT(*) AS jobs FROM state.jobs
         WHERE state = 'queued' AND (priority < $1 OR (priority = $1 AND created_at < $2))`,
        [priority, createdAt],
      )
      return Number(row?.jobs ?? 0)
    },
  }
}

const errorOutcome = (code: 'IMG_ERR_JOB_EXPIRED' | 'IMG_ERR_JOB_LOST'): string =>
  JSON.stringify({ error: serviceError(code, []).message })

const idOf = ({ id }: Row): string => String(id)
