import { Redis } from 'ioredis'
import { ReportedError } from '../errors/errors.ts'
import type { Logger } from '../logging/logger.ts'
import type { UnitCounter } from './unit-counter.ts'

/** One round trip, so that no two replicas can come between: add, start the window if it is new, tell both. */
const script = `
local units = redis.call('INCRBY', KEYS[1], ARGV[1])
if units < 0 then units = redis.call('INCRBY', KEYS[1], -units) end
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  left = tonumber(ARGV[2])
end
return { units, left }`

const PREFIX = 'azure-image-editor:'
/** A caller must not wait for a counter longer than this. */
const COMMAND_TIMEOUT_MS = 500
const CONNECT_TIMEOUT_MS = 2_000
const MAX_RECONNECT_MS = 5_000

export interface RedisCounter extends UnitCounter {
  /** Whether Redis answers now; one that hangs is connected and does not. */
  isResponding(): Promise<boolean>
  close(): void
}

/**
 * A counter that replicas share. While Redis cannot be asked, `fallback` counts instead: each replica then holds its
 * callers to the limit by itself, which is better than no limit and better than no service.
 */
export function createRedisCounter(url: string, fallback: UnitCounter, log: Logger): RedisCounter {
  const redis = new Redis(url, {
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    retryStrategy: (attempt) => Math.min(attempt * 200, MAX_RECONNECT_MS),
  })
  let isLost = false
  // Told once each way: it tries again every few seconds, and every error would be a line.
  const lose = (err: unknown) => {
    if (!isLost) log.warn({ err }, 'Redis cannot be reached, each replica counts by itself')
    isLost = true
  }
  const regain = () => {
    if (isLost) log.info({}, 'Redis is back, replicas count together')
    isLost = false
  }
  redis.on('error', lose)
  redis.on('ready', regain)

  /** Undefined: there was no response in time. */
  async function ask<T>(question: () => Promise<T>): Promise<T | undefined> {
    if (redis.status !== 'ready') return undefined
    try {
      const response = await question()
      regain()
      return response
    } catch (error) {
      lose(error)
      return undefined
    }
  }

  return {
    isResponding: async () => (await ask(() => redis.ping())) !== undefined,
    async add(key, units, windowMs) {
      const counted = await ask(() => runScript(redis, key, units, windowMs))
      if (counted === undefined) return await fallback.add(key, units, windowMs)
      const [total, resetMs] = counted
      return { units: total, resetMs }
    },
    close: () => redis.disconnect(),
  }
}

async function runScript(redis: Redis, key: string, units: number, windowMs: number): Promise<[number, number]> {
  const response = await redis.eval(script, 1, PREFIX + key, units, Math.ceil(windowMs))
  if (!Array.isArray(response)) throw new ReportedError('Redis answered something else')
  return [Number(response[0]), Number(response[1])]
}
