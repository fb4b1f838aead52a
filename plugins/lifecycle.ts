import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Lifecycle } from '../services/calls/lifecycle.ts'

type CloseHandler = (request: FastifyRequest, reply: FastifyReply) => void

declare module 'fastify' {
  interface FastifyInstance {
    /** Adds what is done for every request when its response has been sent, or its connection has closed before. */
    onResponseClose(handler: CloseHandler): void
  }
  interface FastifyRequest {
    lifecycle: Lifecycle
  }
}

/** One `close` listener a request, for everything that waits for the end of its response. */
async function lifecycle(fastify: FastifyInstance): Promise<void> {
  const handlers: CloseHandler[] = []
  fastify.decorate('onResponseClose', (handler) => void handlers.push(handler))
  fastify.decorateRequest('lifecycle')
  fastify.addHook('onRequest', function watchClose(request, reply, done) {
    request.lifecycle = new Lifecycle(request.log)
    reply.raw.once('close', () => {
      for (const handler of handlers) handler(request, reply)
      request.lifecycle.end()
    })
    done()
  })
}

export default fp(lifecycle, { name: 'lifecycle' })
