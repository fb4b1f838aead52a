import { Gauge, type Registry, type RegistryContentType } from 'prom-client'
import { cachePromise } from '../net/cached-promise.ts'

/** What is counted of jobs; of all processes that share them. */
export interface JobCount {
  readonly byState: Readonly<Record<string, number>>
  /** Milliseconds that the oldest queued job has waited. */
  readonly oldestMs: number
}

/** Counting looks at every row that is stored. */
const COUNT_EVERY_MS = 5_000

/**
 * Gauges that are counted when they are scraped; there are none while that is not possible.
 * @returns sets how, and returns the count of the last seconds; undefined while it is not possible
 */
export function createJobGauges(
  prefix: string,
  registry: Registry<RegistryContentType>,
): (count: () => Promise<JobCount>) => () => Promise<JobCount | undefined> {
  let count = async (): Promise<JobCount | undefined> => undefined
  const options = { registers: [registry] }
  new Gauge({
    ...options,
    name: `${prefix}jobs`,
    help: 'Jobs by state, those of all replicas that share them; ended ones for JOB_TTL_MS',
    labelNames: ['state'],
    async collect() {
      const { byState = {} } = (await count()) ?? {}
      this.reset()
      for (const [state, jobs] of Object.entries(byState)) this.set({ state }, jobs)
    },
  })
  new Gauge({
    ...options,
    name: `${prefix}job_oldest_seconds`,
    help: 'How long the oldest queued job has waited for its turn, of all replicas that share them',
    async collect() {
      const counted = await count()
      if (counted === undefined) this.remove()
      else this.set(counted.oldestMs / 1000)
    },
  })
  return (load) => {
    const cached = cachePromise(load, COUNT_EVERY_MS)
    count = () => cached().catch(() => undefined)
    return count
  }
}
