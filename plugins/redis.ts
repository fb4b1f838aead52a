import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { RedisConnection } from '../services/databases/redis.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** What replicas share; undefined without `REDIS_URL`. */
    redis: RedisConnection | undefined
  }
}

/** Decorates `redis`. The client is loaded only where there is a Redis. */
async function redis(fastify: FastifyInstance): Promise<void> {
  const { config, log, readiness } = fastify
  const { redisUrl } = config.limits
  if (redisUrl === undefined) {
    fastify.decorate('redis', undefined)
    return
  }
  const { connectRedis } = await import('../services/databases/redis.ts')
  const connection = connectRedis(redisUrl.reveal(), log)
  // Without Redis the service still works.
  readiness.add('redis', async () => {
    if (await connection.isResponding()) return { ready: true, state: 'connected' }
    return connection.isFull
      ? { ready: true, state: 'full', faults: ['IMG_ERR_REDIS_FULL'] }
      : { ready: true, state: 'unreachable', faults: ['IMG_ERR_REDIS_UNREACHABLE'] }
  })
  fastify.addHook('onClose', async () => connection.close())
  fastify.decorate('redis', connection)
}

export default fp(redis, { name: 'redis', dependencies: ['config', 'logger', 'readiness'] })
