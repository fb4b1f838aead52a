import { setTimeout as pause } from 'node:timers/promises'
import { Gauge, type Registry, type RegistryContentType } from 'prom-client'
import { cachePromise } from '../net/cached-promise.ts'

/** What the service shares with other replicas, or stores images in. */
export type Dependency = 'redis' | 'postgres' | 'storage'

/** Every scrape checks. */
const CHECK_EVERY_MS = 5_000
/** No scrape waits longer for what does not respond. */
const CHECK_MS = 2_000

/** A gauge that is read when it is scraped. @returns adds a dependency, whose check may reject, and returns whether it is up */
export function createDependencyGauge(
  prefix: string,
  registry: Registry<RegistryContentType>,
): (dependency: Dependency, check: () => Promise<boolean>) => () => Promise<boolean> {
  const checks = new Map<Dependency, () => Promise<boolean>>()
  new Gauge({
    name: `${prefix}dependency_up`,
    help: '0 while the configured Redis, Postgres or Blob container (storage) does not respond',
    labelNames: ['dependency'],
    registers: [registry],
    async collect() {
      const states = await Promise.all([...checks].map(async ([name, check]) => ({ name, isUp: await check() })))
      for (const { name, isUp } of states) this.set({ dependency: name }, Number(isUp))
    },
  })
  return (dependency, check) => {
    const inTime = () => Promise.race([check().catch(() => false), pause(CHECK_MS, false, { ref: false })])
    const isUp = cachePromise(inTime, CHECK_EVERY_MS)
    checks.set(dependency, isUp)
    return isUp
  }
}
