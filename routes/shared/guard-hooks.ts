import type { FastifyInstance } from 'fastify'
import { checkContentType } from './content-type.ts'
import { addCors } from './cors.ts'
import { checkHeaders, setRequestId } from './request-headers.ts'

/**
 * The hooks that both doors run before credentials, in their order. Security depends on it: Host and Origin come first. Hooks of
 * all routes run before: lifecycle, metrics.
 *
 * @param methods of the routes, for preflights: `GET, POST`
 */
export async function addGuardHooks(fastify: FastifyInstance, methods: string): Promise<void> {
  fastify.addHook('onRequest', setRequestId)
  fastify.addHook('onRequest', fastify.guardHost)
  fastify.addHook('onRequest', fastify.guardOrigin)
  await addCors(fastify, methods)
  fastify.addHook('onRequest', checkHeaders)
  fastify.addHook('onRequest', checkContentType)
}
