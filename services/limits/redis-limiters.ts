import { Redis } from 'ioredis'
import { RateLimiterRedis } from 'rate-limiter-flexible'
import type { Logger } from '../logging/logger.ts'
import { type CreateLimiter, createCallerLimiter } from './caller-limiter.ts'
import { MemoryLimiter } from './memory-limiter.ts'

/**
 * The library's own script lets a counter fall below zero: a refund that arrives after Redis was restarted would grant more
 * than the limit.
 */
const incrementScript = `
local consumed = redis.call('incrby', KEYS[1], ARGV[1])
if consumed < 0 then consumed = redis.call('incrby', KEYS[1], -consumed) end
local ttl = redis.call('pttl', KEYS[1])
if ttl < 0 then
  redis.call('expire', KEYS[1], ARGV[2])
  ttl = 1000 * ARGV[2]
end
return { consumed, ttl }`

const KEY_PREFIX = 'azure-image-editor'
/** No caller waits longer for a counter. */
const COMMAND_TIMEOUT_MS = 500
const CONNECT_TIMEOUT_MS = 2_000
const MAX_RECONNECT_MS = 5_000
/** Interval of the probes while Redis does not respond. */
const PROBE_MS = 2_000

export interface RedisLimiters {
  createLimiter: CreateLimiter
  /** Whether Redis counts now; one that hangs, or takes no writes, is connected and does not. */
  isResponding(): Promise<boolean>
  close(): void
}

/**
 * Limiters that replicas share. While Redis does not respond, each replica counts by itself: better than no limit, and better
 * than no service. After the first command that fails no caller waits for Redis, until a probe succeeds.
 */
export function createRedisLimiters(url: string, log: Logger): RedisLimiters {
  const redis = new Redis(url, {
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    retryStrategy: (attempt) => Math.min(attempt * 200, MAX_RECONNECT_MS),
  })
  /** Set while Redis does not count, so that a change is logged once and not with every error. */
  let probing: NodeJS.Timeout | undefined
  let loggedReason: string | undefined

  function lose(err?: unknown): void {
    const reason = reasonOf(err)
    if (probing !== undefined && (reason === undefined || reason === loggedReason)) return
    loggedReason = reason
    log.warn({ err, reason }, 'redis unreachable, each replica counts by itself')
    probing ??= setInterval(isResponding, PROBE_MS).unref()
  }
  function regain(): void {
    if (probing === undefined) return
    clearInterval(probing)
    probing = undefined
    log.info({}, 'redis reachable again, replicas count together')
  }
  async function isResponding(): Promise<boolean> {
    // A connection that is not there yet, or lost, reports itself.
    if (redis.status !== 'ready') return false
    try {
      // The counters' own script: a read-only replica or a full Redis also answers a ping.
      await redis.eval(incrementScript, 1, `${KEY_PREFIX}:probe`, 0, 1)
      regain()
      return true
    } catch (error) {
      lose(error)
      return false
    }
  }
  redis.on('error', lose)
  redis.on('ready', isResponding)

  /** Used where a command failed: the next ones then wait for no other time-out. */
  class FallbackLimiter extends MemoryLimiter {
    override consume(key: string | number, points?: number) {
      // A connection that is lost reports itself; one that hangs does not.
      if (redis.status === 'ready') lose()
      return super.consume(key, points)
    }
    override reward(key: string | number, points?: number) {
      if (redis.status === 'ready') lose()
      return super.reward(key, points)
    }
  }

  return {
    createLimiter(options) {
      const local = new FallbackLimiter(options)
      const redisLimiter = new RateLimiterRedis({
        storeClient: redis,
        keyPrefix: `${KEY_PREFIX}:${options.namespace}`,
        points: options.points,
        duration: options.windowMs / 1000,
        customIncrTtlLuaScript: incrementScript,
        rejectIfRedisNotReady: true,
        insuranceLimiter: local,
      })
      const shared = createCallerLimiter(redisLimiter)
      const own = createCallerLimiter(local)
      const current = () => (probing === undefined ? shared : own)
      return {
        consume: (key, points) => current().consume(key, points),
        refund: (key, points) => current().refund(key, points),
      }
    },
    isResponding,
    close() {
      clearInterval(probing)
      redis.disconnect()
    },
  }
}

/** The code that an error response of Redis begins with, such as `WRONGPASS` or `READONLY`; its text is not logged. */
function reasonOf(error: unknown): string | undefined {
  return error instanceof Error && error.name === 'ReplyError' ? /^[A-Z]+\b/.exec(error.message)?.[0] : undefined
}
