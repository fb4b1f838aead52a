import { RateLimiterRedis } from 'rate-limiter-flexible'
import { KEY_PREFIX, type RedisConnection } from '../databases/redis.ts'
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

/**
 * Limiters that replicas share. While Redis does not respond, each replica counts by itself: better than no limit, and better
 * than no service.
 */
export function createRedisLimiters(redis: RedisConnection): CreateLimiter {
  /** Used where a command failed: the next ones then wait for no other time-out. */
  class FallbackLimiter extends MemoryLimiter {
    override consume(key: string | number, points?: number) {
      this.#report()
      return super.consume(key, points)
    }
    override reward(key: string | number, points?: number) {
      this.#report()
      return super.reward(key, points)
    }
    override get(key: string | number) {
      this.#report()
      return super.get(key)
    }
    /** A connection that is lost reports itself; one that hangs does not. */
    #report(): void {
      if (redis.isUsable) redis.lose()
    }
  }

  return (options) => {
    const local = new FallbackLimiter(options)
    const redisLimiter = new RateLimiterRedis({
      storeClient: redis.client,
      keyPrefix: `${KEY_PREFIX}:${options.namespace}`,
      points: options.points,
      duration: options.windowMs / 1000,
      customIncrTtlLuaScript: incrementScript,
      rejectIfRedisNotReady: true,
      insuranceLimiter: local,
    })
    const shared = createCallerLimiter(redisLimiter)
    const own = createCallerLimiter(local)
    const current = () => (redis.isUsable ? shared : own)
    return {
      consume: (key, points) => current().consume(key, points),
      refund: (key, points) => current().refund(key, points),
      consumed: (key) => current().consumed(key),
    }
  }
}
