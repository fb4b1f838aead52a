import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createSubscriptions, defaultSubscriptions, type Subscriptions } from '../services/mcp/subscriptions.ts'
import { defaultTiming } from '../services/mcp/timeouts.ts'

declare module 'fastify' {
  interface FastifyInstance {
    subscriptions: Subscriptions
  }
}

/** Decorates `subscriptions`, the streams on which clients are told of changes. */
async function subscriptions(fastify: FastifyInstance): Promise<void> {
  const { metrics, appOptions } = fastify
  const { collectMs } = { ...defaultTiming, ...appOptions.timing }
  const open = createSubscriptions({
    ...defaultSubscriptions,
    collectMs,
    onRejected: () => metrics.rejections.inc({ reason: 'subscriptions' }),
  })
  metrics.setSubscriptions(() => open.count)
  // The shutdown waits for requests, and these would not end by themselves.
  fastify.addHook('preClose', async () => open.close())
  fastify.decorate('subscriptions', open)
}

export default fp(subscriptions, { name: 'subscriptions', dependencies: ['metrics'] })
