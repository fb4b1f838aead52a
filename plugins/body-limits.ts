import type { FastifyInstance, HookHandlerDoneFunction } from 'fastify'
import fp from 'fastify-plugin'
import { addressCaller, rateLimitKey } from '../services/auth/authenticator.ts'
import { type ByteReservation, createByteBudget, UNRESERVED_BYTES } from '../services/limits/byte-budget.ts'
import { rejection } from '../services/mcp/protocol-error.ts'
import { defaultTiming } from '../services/mcp/timeouts.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Hook for `onRequest`, after `authenticate`: opens the reservation that grows with the request's body. */
    openBody(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void
    /** What a body is rejected with that found no memory in time, or made no headway. */
    rejectBody(reason: 'bytes' | 'slow'): Error
  }
  interface FastifyRequest {
    /** Reserved for this request's body; code that uses the body after the response retains it. */
    bodyReservation: ByteReservation | null
  }
}

const RETRY_AFTER_MS = 5_000

/** The bound on request bodies in memory, and the number of connections. */
async function inFlight(fastify: FastifyInstance): Promise<void> {
  const { config, metrics, server } = fastify
  const { bodyWaitMs, headwayMs } = { ...defaultTiming, ...fastify.appOptions.timing }
  const budget = createByteBudget({ limit: config.limits.maxInflightBytes, waitMs: bodyWaitMs })
  metrics.setBodyBytes(() => budget.used)
  fastify.decorateRequest('bodyReservation', null)

  function rejectBody(reason: 'bytes' | 'slow'): Error {
    metrics.rejections.inc({ reason })
    if (reason === 'slow') {
      const pace = `send at least ${UNRESERVED_BYTES} bytes every ${headwayMs / 1000} s`
      return rejection(408, `The body came too slowly: ${pace}.`)
    }
    return rejection(503, 'The service holds as many uploads as it can. Try again in some seconds.', {
      retryAfterMs: RETRY_AFTER_MS,
    })
  }
  fastify.decorate('rejectBody', rejectBody)

  fastify.decorate('openBody', function openBody(request, reply, done) {
    const owner = rateLimitKey((request.caller ?? addressCaller(request.ip)).id)
    const asksFirst = request.headers.expect?.toLowerCase() === '100-continue'
    const announced = Number(request.headers['content-length'] ?? 0)
    const isTooLarge = announced > config.limits.maxBodyBytes
    // The upload is not even sent, which is cheaper than waiting for capacity with half of it.
    if (asksFirst && !isTooLarge && announced > UNRESERVED_BYTES && !budget.fits(owner, announced)) {
      throw rejectBody('bytes')
    }
    // A caller that disconnected while it was identified has no end of the response any more that would free anything.
    if (!reply.raw.destroyed) {
      const capacity = budget.open(owner)
      request.bodyReservation = capacity
      reply.raw.once('close', capacity.release)
      // What is longer than allowed is rejected elsewhere, and nothing of it is wanted.
      if (asksFirst && !isTooLarge) reply.raw.writeContinue()
    }
    done()
  })

  server.on('checkContinue', (request, response) => server.emit('request', request, response))
  server.maxConnections = config.server.maxConnections
  server.on('drop', () => {
    metrics.rejections.inc({ reason: 'connections' })
    // Those that wait for nothing make room for those that want something, probes among them.
    server.closeIdleConnections()
  })
}

export default fp(inFlight, { name: 'body-limits', dependencies: ['config', 'logger', 'metrics'] })
