import sensible from '@fastify/sensible'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Rejection } from '../services/errors/rejection.ts'

/** HTTP errors, and how plain HTTP routes send them. The JSON-RPC route has its own handler, which writes its envelope. */
async function errorHandler(fastify: FastifyInstance): Promise<void> {
  await fastify.register(sensible)
  fastify.setErrorHandler(function sendError(error: FastifyError, request: FastifyRequest, reply: FastifyReply) {
    const status = error.statusCode !== undefined && error.statusCode >= 400 ? error.statusCode : 500
    const isOurs = status < 500 || error instanceof Rejection
    if (isOurs) request.log.debug({ err: error }, 'request rejected')
    else request.log.error({ err: error }, 'request failed')
    const message = isOurs ? error.message : 'Internal error'
    if (error instanceof Rejection && error.retryAfterMs !== undefined) {
      reply.header('retry-after', Math.ceil(error.retryAfterMs / 1000))
    }
    return reply
      .code(status)
      .header('cache-control', 'no-store')
      .send({ statusCode: status, message, requestId: request.id })
  })

  // Without a parser no body of an unknown route is read, before any authentication.
  fastify.removeAllContentTypeParsers()
  fastify.setNotFoundHandler(function sendNotFound(_request: FastifyRequest, reply: FastifyReply) {
    return reply.notFound('Not found. The JSON-RPC endpoint is POST /.')
  })
}

export default fp(errorHandler, { name: 'error-handler' })
