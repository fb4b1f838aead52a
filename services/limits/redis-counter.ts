import { Redis } from 'ioredis'
import type { Logger } from '../logger.ts'
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
  readonly isConnected: boolean
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
  redis.on('error', (err: Error) => {
    if (!isLost) log.warn({ err }, 'Redis cannot be reached, each replica counts by itself')
    isLost = true
  })
  redis.on('ready', () => {
    if (isLost) log.info({}, 'Redis is back, replicas count together')
    isLost = false
  })

  return {
    get isConnected() {
      return redis.status === 'ready'
    },
    async add(key, units, windowMs) {
      if (redis.status !== 'ready') return await fallback.add(key, units, windowMs)
      try {
        const [total, resetMs] = await runScript(redis, key, units, windowMs)
        return { units: total, resetMs }
      } catch {
        return await fallback.add(key, units, windowMs)
      }
    },
    close: () => redis.disconnect(),
  }
}

async function runScript(redis: Redis, key: string, units: number, windowMs: number): Promise<[number, number]> {
  const answer = await redis.eval(script, 1, PREFIX + key, units, Math.ceil(windowMs))
  if (!Array.isArray(answer)) throw new Error('Redis answered something else')
  return [Number(answer[0]), Number(answer[1])]
}
