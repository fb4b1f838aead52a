import type { FastifyInstance } from 'fastify'
import { addGuardHooks } from '../shared/guard-hooks.ts'

/**
 * The hooks of this folder's routes in their order. Security depends on it: Host and Origin before credentials,
 * credentials before limits, limits before the body is read. Hooks of all routes run before: lifecycle, metrics.
 */
export default async function hooks(fastify: FastifyInstance): Promise<void> {
  await addGuardHooks(fastify, 'POST')
  // On POST only: preflights end in CORS, and other methods get 405 without credentials.
  const onCalls = [fastify.drain.admit, fastify.authenticate, fastify.shedLoad, fastify.limitRequests, fastify.openBody]
  fastify.addHook('onRoute', (route) => {
    if (route.method === 'POST') route.onRequest = onCalls
  })
}
