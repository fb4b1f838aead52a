import type { FastifyInstance, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import fp from 'fastify-plugin'
import { addressCaller, rateLimitKey } from '../services/auth/authenticator.ts'
import { Rejection } from '../services/errors/rejection.ts'
import { type ByteReservation, createByteBudget, UNRESERVED_BYTES } from '../services/limits/byte-budget.ts'
import { defaultTiming } from '../services/mcp/timeouts.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Hook for `onRequest`, after `authenticate`: asks clients that wait for it to send the body. */
    openBody(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void
    /** Opens the reservation of a request's body, which is released when the request has ended. */
    reserveBody(request: FastifyRequest): ByteReservation
    /** The error for a body that got no memory in time, or arrived too slowly. */
    rejectBody(reason: 'bytes' | 'slow'): Error
  }
  interface FastifyRequest {
    /** Whether the guards in front of the body let the request pass. */
    isBodyOpen: boolean
  }
}

const RETRY_AFTER_MS = 5_000

/** The bound on request bodies in memory, and the number of connections. */
async function inFlight(fastify: FastifyInstance): Promise<void> {
  const { config, metrics, server } = fastify
  const { bodyWaitMs, headwayMs } = { ...defaultTiming, ...fastify.appOptions.timing }
  const budget = createByteBudget({ limit: config.MAX_INFLIGHT_BYTES, waitMs: bodyWaitMs })
  metrics.setBodyBytes(() => budget.used)
  fastify.decorateRequest('isBodyOpen', false)

  function rejectBody(reason: 'bytes' | 'slow'): Error {
    metrics.rejections.inc({ reason })
    if (reason === 'slow') {
      const pace = `send at least ${UNRESERVED_BYTES} bytes every ${headwayMs / 1000} s`
      return new Rejection(408, `The body arrived too slowly: ${pace}.`)
    }
    return new Rejection(503, `Upload memory limit reached; retry in ${RETRY_AFTER_MS / 1000} s.`, {
      retryAfterMs: RETRY_AFTER_MS,
    })
  }
  fastify.decorate('rejectBody', rejectBody)

  const ownerOf = (request: FastifyRequest) => rateLimitKey((request.caller ?? addressCaller(request.ip)).id)

  fastify.decorate('openBody', function openBody(request, reply, done) {
    request.isBodyOpen = true
    if (request.headers.expect?.toLowerCase() === '100-continue') {
      const announced = Number(request.headers['content-length'] ?? 0)
      const isTooLarge = announced > config.MAX_BODY_BYTES
      // Rejecting before the upload is cheaper than waiting for capacity with half of it.
      if (!isTooLarge && announced > UNRESERVED_BYTES && !budget.fits(ownerOf(request), announced)) {
        throw rejectBody('bytes')
      }
      // A body above the limit is rejected when it is read.
      if (!isTooLarge && !reply.raw.destroyed) reply.raw.writeContinue()
    }
    done()
  })

  fastify.decorate('reserveBody', function reserveBody(request) {
    const reservation = budget.open(ownerOf(request))
    request.lifecycle.scope.defer(reservation.release)
    return reservation
  })

  server.on('checkContinue', (request, response) => server.emit('request', request, response))
  server.maxConnections = config.MAX_CONNECTIONS
  server.on('drop', () => {
    metrics.rejections.inc({ reason: 'connections' })
    // Those that wait for nothing make room for those that want something, probes among them.
    server.closeIdleConnections()
  })
}

export default fp(inFlight, { name: 'body-limits', dependencies: ['config', 'lifecycle', 'logger', 'metrics'] })
