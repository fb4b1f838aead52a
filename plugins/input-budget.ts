import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { type ByteBudget, createByteBudget } from '../services/limits/byte-budget.ts'
import { defaultTiming } from '../services/mcp/timeouts.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The memory of request bodies and of stored images that calls name. */
    inputBudget: ByteBudget
  }
}

async function inputBudget(fastify: FastifyInstance): Promise<void> {
  const { config, metrics, appOptions } = fastify
  const { bodyWaitMs } = { ...defaultTiming, ...appOptions.timing }
  const budget = createByteBudget({ limit: config.limits.maxInflightBytes, waitMs: bodyWaitMs })
  metrics.setBodyBytes(() => budget.used)
  fastify.decorate('inputBudget', budget)
}

export default fp(inputBudget, { name: 'input-budget', dependencies: ['config', 'metrics'] })
