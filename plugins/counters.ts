import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createMemoryCounter, type UnitCounter } from '../services/limits/unit-counter.ts'

declare module 'fastify' {
  interface FastifyInstance {
    unitCounter: UnitCounter
  }
}

/** What callers have used, counted here or together with other replicas. */
async function unitCounter(fastify: FastifyInstance): Promise<void> {
  const { config, log, readiness } = fastify
  const memory = createMemoryCounter()
  const { redisUrl } = config.limits
  if (redisUrl === undefined) {
    fastify.decorate('unitCounter', memory)
    return
  }
  const { createRedisCounter } = await import('../services/limits/redis-counter.ts')
  const shared = createRedisCounter(redisUrl.reveal(), memory, log)
  fastify.decorate('unitCounter', shared)
  // Without Redis the service can still do its job.
  readiness.add('redis', async () => ({
    ready: true,
    state: (await shared.isResponding()) ? 'connected' : 'unreachable',
  }))
  fastify.addHook('onClose', async () => shared.close())
}

export default fp(unitCounter, { name: 'counters', dependencies: ['config', 'logger', 'readiness'] })
