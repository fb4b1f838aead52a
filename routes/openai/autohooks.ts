import type { FastifyInstance } from 'fastify'
import { checkContentType } from '../shared/content-type.ts'
import { addCors } from '../shared/cors.ts'
import { checkHeaders, setRequestId } from '../shared/request-headers.ts'
import { setLimitHeaders } from './limit-headers.ts'

/**
 * The hooks of this folder's routes in their order, as those of routes/rpc: Host and Origin before credentials, credentials
 * before limits, limits before the body is read.
 */
export default async function hooks(fastify: FastifyInstance): Promise<void> {
  fastify.addHook('onRequest', setRequestId)
  fastify.addHook('onRequest', fastify.guardHost)
  fastify.addHook('onRequest', fastify.guardOrigin)
  await addCors(fastify, 'GET, POST')
  fastify.addHook('onRequest', checkHeaders)
  fastify.addHook('onRequest', checkContentType)
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
