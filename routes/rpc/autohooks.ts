import type { FastifyInstance } from 'fastify'
import { checkContentType } from '../shared/content-type.ts'
import { addCors } from '../shared/cors.ts'
import { checkHeaders, setRequestId } from '../shared/request-headers.ts'

/**
 * The hooks of this folder's routes in their order. Security depends on it: Host and Origin before credentials,
 * credentials before limits, limits before the body is read. Hooks of all routes run before: lifecycle, metrics.
 */
export default async function hooks(fastify: FastifyInstance): Promise<void> {
  fastify.addHook('onRequest', setRequestId)
  fastify.addHook('onRequest', fastify.guardHost)
  fastify.addHook('onRequest', fastify.guardOrigin)
  await addCors(fastify, 'POST')
  fastify.addHook('onRequest', checkHeaders)
  fastify.addHook('onRequest', checkContentType)
  // On POST only: preflights end in CORS, and other methods get 405 without credentials.
  const onCalls = [fastify.drain.admit, fastify.authenticate, fastify.shedLoad, fastify.limitRequests, fastify.openBody]
  fastify.addHook('onRoute', (route) => {
    if (route.method === 'POST') route.onRequest = onCalls
  })
}
