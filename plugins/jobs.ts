import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createJobStore } from '../services/calls/jobs/job-store.ts'
import { defaultJobTiming } from '../services/calls/jobs/job-timing.ts'
import { createJobs, type Jobs } from '../services/calls/jobs/jobs.ts'
import { checkWorker, openJobQueue } from '../services/calls/jobs/open-queue.ts'
import { folderIdOf } from '../services/library/local/folder-id.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Undefined: there is no library, in which the results of jobs would be. */
    jobs: Jobs | undefined
  }
}

/** Of one caller; `MAX_QUEUED_JOBS` is for all of them. */
const MAX_JOBS_OF_CALLER = 1_000

/** As in the alert. */
const LONG_WAIT_MS = 1_800_000

/** Decorates `jobs`: calls that go on without their clients. */
async function jobs(fastify: FastifyInstance): Promise<void> {
  const { config, azureImages, log, metrics, redis, stateDatabase: database, appOptions, readiness } = fastify
  if (appOptions.isWorker) checkWorker(config, database !== undefined)
  if (database === undefined) {
    fastify.decorate('jobs', undefined)
    return
  }
  const { folder, storage, isFolderShared } = config.library
  const store = createJobStore({
    database,
    place: storage?.url ?? (isFolderShared ? 'shared' : await folderIdOf(folder)),
    maxJobs: config.limits.maxQueuedJobs,
    maxJobsOfCaller: MAX_JOBS_OF_CALLER,
    ttlMs: config.limits.jobTtlMs,
  })
  const runner = randomUUID()
  const timing = { ...defaultJobTiming, ...appOptions.jobTiming }
  const queue = await openJobQueue({ config, store, runner, redis, timing, log })
  const jobs = createJobs({
    store,
    queue,
    runner,
    redis,
    deadlineMs: config.limits.callDeadlineMs,
    ttlMs: config.limits.jobTtlMs,
    estimateMs: ({ args }, ahead) =>
      azureImages.expectMs(typeof args.model === 'string' ? args.model : undefined, ahead),
    timing,
    log,
    trace: fastify.tracing.root,
    logOf: ({ id, call }) => log.child({ job: id, requestId: call.requestId }),
  })
  const count = metrics.setJobs(store.count)
  readiness.add('jobs', async () => {
    const isWaiting = ((await count())?.oldestMs ?? 0) > LONG_WAIT_MS
    return { ready: true, state: queue.state, faults: isWaiting ? ['IMG_ERR_JOBS_WAITING'] : [] }
  })
  fastify.addHook('preClose', () => jobs.pause())
  fastify.addHook('onClose', () => jobs[Symbol.asyncDispose]())
  fastify.decorate('jobs', jobs)
}

export default fp(jobs, {
  name: 'jobs',
  dependencies: ['azure-images', 'config', 'logger', 'metrics', 'readiness', 'redis', 'state', 'tracing'],
})
