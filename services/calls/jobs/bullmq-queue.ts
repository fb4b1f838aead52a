import { setTimeout as pause } from 'node:timers/promises'
import { Queue, WaitingError, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { connectionOptions, KEY_PREFIX, type RedisConnection } from '../../databases/redis.ts'
import type { Logger } from '../../logging/logger.ts'
import type { Job, QueuedJob } from './job.ts'
import type { JobQueue, RunJob } from './job-queue.ts'
import type { JobTiming } from './job-timing.ts'

export interface BullQueueOptions {
  /** `redis://…`, for connections of the queue's own. */
  url: string
  /** Knows whether Redis can be used. */
  redis: RedisConnection
  /** Gives this process the job, unless another one has it or it has ended. */
  claim(id: string): Promise<Job | undefined>
  /** Turns at once in this process. */
  maxRunning: number
  timing: JobTiming
  log: Logger
}

const NAME = 'jobs'
/** In braces, so that all keys are in one slot of a cluster. */
const PREFIX = `{${KEY_PREFIX}}`
/** No one reads what BullMQ reports of its jobs. */
const MAX_EVENTS = 1_000
/** A process that is killed while it runs a job does not harm the job. */
const MAX_STALLED = 5
const RETRY_MS = 5_000
/** Before a job is looked at again whose row could not be read. */
const CLAIM_RETRY_MS = 1_000
const CLOSE_MS = 1_000

/** The places of those keys that do not exist. */
const MISSING = `local missing = {}
for at, key in ipairs(KEYS) do if redis.call('EXISTS', key) == 0 then missing[#missing + 1] = at end end
return missing`

/**
 * Jobs that any replica runs. Only their ids travel through Redis, where BullMQ orders them and gives each to one process;
 * whether that process may run it is decided by the row of the job. What Redis loses is therefore only late.
 */
export function createBullQueue({ url, redis, claim, maxRunning, timing, log }: BullQueueOptions): JobQueue {
  let queue: Queue<undefined> | undefined
  let worker: Worker<undefined> | undefined
  let connection: Redis | undefined
  /** Also what still waits for Redis, whose connections would keep the process alive. */
  const opened = new Set<Queue<undefined> | Worker<undefined>>()
  let isClosed = false
  const closing = new AbortController()

  /** What BullMQ reports while Redis is away is known, and repeated for every attempt. */
  function report(err: Error): void {
    if (redis.isUsable && !isClosed) log.warn({ err }, 'the queue of jobs reports an error')
  }

  /** What Redis rejects is closed: the next attempt opens another one, with connections of its own. */
  async function ready<T extends Queue<undefined> | Worker<undefined>>(one: T): Promise<T> {
    opened.add(one)
    try {
      await one.waitUntilReady()
      return one
    } catch (error) {
      opened.delete(one)
      await one.close(true).catch(() => {})
      throw error
    }
  }

  const openQueue = () =>
    ready(
      new Queue<undefined>(NAME, {
        connection: redis.client,
        prefix: PREFIX,
        streams: { events: { maxLen: MAX_EVENTS } },
        defaultJobOptions: { attempts: 1, removeOnComplete: true, removeOnFail: true },
      }).on('error', report),
    )

  async function openWorker(run: RunJob): Promise<Worker<undefined>> {
    // BullMQ waits for Redis on it as long as it takes, and blocks on a copy of it.
    connection ??= new Redis(url, { ...connectionOptions, maxRetriesPerRequest: null }).on('error', () => {})
    const created = new Worker<undefined>(
      NAME,
      async (message, token) => {
        const job = await claim(message.id ?? '').catch(() => 'unreachable' as const)
        if (job === undefined) return
        if (job === 'unreachable') await pause(CLAIM_RETRY_MS, undefined, { signal: closing.signal }).catch(() => {})
        else if ((await run(job)) === 'done') return
        await message.moveToWait(token)
        throw new WaitingError()
      },
      {
        connection,
        prefix: PREFIX,
        // A worker that runs before it is ready, and is rejected, asks for jobs without a pause.
        autorun: false,
        concurrency: maxRunning,
        lockDuration: timing.lockMs,
        lockRenewTime: timing.lockRenewMs,
        stalledInterval: timing.stalledCheckMs,
        maxStalledCount: MAX_STALLED,
      },
    )
    await ready(created.on('error', report))
    void created.run().catch(report)
    return created
  }

  /** Until it has succeeded: Redis may be away, or reject commands that BullMQ needs. */
  async function open<T>(what: string, attempt: () => Promise<T>): Promise<T | undefined> {
    while (!isClosed) {
      try {
        return await attempt()
      } catch (err) {
        log.warn({ err, what }, 'the queue of jobs cannot be opened; trying again')
        await pause(RETRY_MS, undefined, { signal: closing.signal }).catch(() => {})
      }
    }
    return undefined
  }

  async function missingOf(jobs: readonly QueuedJob[], toKey: (id: string) => string): Promise<readonly QueuedJob[]> {
    const keys = jobs.map(({ id }) => toKey(id))
    const places = await redis.run(MISSING, keys)
    return Array.isArray(places) ? places.flatMap((place) => jobs[Number(place) - 1] ?? []) : []
  }

  return {
    get state() {
      return redis.isUsable && queue !== undefined && worker !== undefined ? 'shared' : 'unavailable'
    },
    async add(jobs) {
      const target = queue
      if (target === undefined || !redis.isUsable) return
      try {
        const missing = jobs.length > 1 ? await missingOf(jobs, (id) => target.toKey(id)) : jobs
        await target.addBulk(
          missing.map(({ id: jobId, priority }) => ({ name: NAME, data: undefined, opts: { jobId, priority } })),
        )
      } catch (err) {
        log.warn({ err }, 'jobs could not be queued; they will be as soon as Redis responds')
      }
    },
    start(run) {
      void open('queue', openQueue).then((ready) => (queue = ready))
      void open('worker', () => openWorker(run)).then((ready) => (worker = ready))
    },
    async pause() {
      await worker?.pause(true)
    },
    async close() {
      isClosed = true
      closing.abort()
      // Without Redis they wait for it, unless they are forced.
      const closed = Promise.all([...opened].map((one) => one.close(!redis.isUsable))).catch(() => {})
      await Promise.race([closed, pause(CLOSE_MS, undefined, { ref: false })])
      connection?.disconnect()
    },
  }
}
