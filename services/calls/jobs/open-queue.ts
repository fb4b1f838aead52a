import type { Config } from '../../config/config.ts'
import { ConfigurationError, type ConfigurationProblem } from '../../config/configuration-error.ts'
import type { RedisConnection } from '../../databases/redis.ts'
import type { Logger } from '../../logging/logger.ts'
import { createLocalQueue, type JobQueue } from './job-queue.ts'
import type { JobStore } from './job-store.ts'
import type { JobTiming } from './job-timing.ts'

export interface OpenQueueOptions {
  config: {
    limits: Pick<Config['limits'], 'redisUrl'>
    library: Pick<Config['library'], 'databaseUrl' | 'storage' | 'isFolderShared'>
  }
  store: JobStore
  runner: string
  redis: RedisConnection | undefined
  timing: JobTiming
  log: Logger
}

/** Turns at once in this process; most of them wait for Azure's quota. */
const MAX_RUNNING = 16

/** The queue that the configuration chooses. */
export async function openJobQueue({ config, store, runner, redis, timing, log }: OpenQueueOptions): Promise<JobQueue> {
  const { limits, library } = config
  const missing = missingForSharing(config)
  if (missing.length === 0 && redis !== undefined && limits.redisUrl !== undefined) {
    const { createBullQueue } = await import('./bullmq-queue.ts')
    const claim = (id: string) => store.claim(id, runner)
    return createBullQueue({ url: limits.redisUrl.reveal(), redis, claim, maxRunning: MAX_RUNNING, timing, log })
  }
  if (limits.redisUrl !== undefined || library.databaseUrl !== undefined || library.isFolderShared) {
    const reasons = missing.map(({ variable, problem }) => `${variable} ${problem}`)
    log.warn({ reasons }, 'jobs, records of images, budgets and receipts are not shared with other replicas')
  }
  return createLocalQueue(() => store.claimNext(runner), MAX_RUNNING)
}

/** @throws ConfigurationError for a process without clients that no other one gives jobs to */
export function checkWorker(config: OpenQueueOptions['config'], hasLibrary: boolean): void {
  const library = { variable: 'LIBRARY', problem: 'is off, or nothing can be written' }
  const missing = [...missingForSharing(config), ...(hasLibrary ? [] : [library])]
  const reason = ', but --worker needs everything that replicas share'
  if (missing.length === 0) return
  throw new ConfigurationError(missing.map(({ variable, problem }) => ({ variable, problem: problem + reason })))
}

/** What is not set of what it takes that every replica can run every job. */
function missingForSharing({ limits, library }: OpenQueueOptions['config']): readonly ConfigurationProblem[] {
  const hasImages = library.storage !== undefined || library.isFolderShared
  return [
    ...(limits.redisUrl === undefined ? [{ variable: 'REDIS_URL', problem: 'is not set' }] : []),
    ...(library.databaseUrl === undefined ? [{ variable: 'DATABASE_URL', problem: 'is not set' }] : []),
    ...(hasImages ? [] : [{ variable: 'AZURE_STORAGE_URL', problem: 'is not set, and IMAGES_SHARED is not true' }]),
  ]
}
