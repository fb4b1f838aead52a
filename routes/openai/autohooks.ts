import type { FastifyInstance } from 'fastify'
import { addGuardHooks } from '../shared/guard-hooks.ts'
import { setLimitHeaders } from './limit-headers.ts'

/**
 * The hooks of this folder's routes in their order, as those of routes/rpc: Host and Origin before credentials, credentials
 * before limits, limits before the body is read.
 */
export default async function hooks(fastify: FastifyInstance): Promise<void> {
  await addGuardHooks(fastify, 'GET, POST')
  // Not on preflights, which end in CORS, nor on paths and methods that do not exist.
  const onCalls = [
    fastify.drain.admit,
    fastify.authenticate,
    fastify.shedLoad,
    fastify.limitRequests,
    setLimitHeaders,
    fastify.openBody,
  ]
  fastify.addHook('onRoute', (route) => {
    if (route.method === 'POST' || route.method === 'GET') route.onRequest = onCalls
  })
}
