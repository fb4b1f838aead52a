import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'

/** Errors of plain HTTP routes. JSON-RPC has a handler of its own, since its callers expect its envelope. */
async function errorHandler(fastify: FastifyInstance): Promise<void> {
  fastify.setErrorHandler(function responseError(error: FastifyError, request: FastifyRequest, reply: FastifyReply) {
    const status = error.statusCode !== undefined && error.statusCode >= 400 ? error.statusCode : 500
    if (status < 500) {
      request.log.info({ err: error }, 'request rejected')
      return reply.code(status).send({ statusCode: status, message: error.message, requestId: request.id })
    }
    request.log.error({ err: error }, 'request failed')
    return reply.code(status).send({ statusCode: status, message: 'Internal error', requestId: request.id })
  })

  // What is not found has its body read as well if there is a parser for it, before anybody was asked who it is.
  fastify.removeAllContentTypeParsers()
  fastify.setNotFoundHandler(function responseNotFound(request: FastifyRequest, reply: FastifyReply) {
    return reply.code(404).send({
      statusCode: 404,
      message: 'Nothing is here. JSON-RPC is POST /, see GET / for more.',
      requestId: request.id,
    })
  })
}

export default fp(errorHandler, { name: 'error-handler', dependencies: ['sensible'] })
