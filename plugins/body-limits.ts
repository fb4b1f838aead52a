import type { FastifyInstance, HookHandlerDoneFunction } from 'fastify'
import fp from 'fastify-plugin'
import { Rejection } from '../services/errors/rejection.ts'
import { type ByteReservation, UNRESERVED_BYTES } from '../services/limits/byte-budget.ts'
import { defaultTiming } from '../services/mcp/timeouts.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Hook for `onRequest`, after `authenticate`: lets clients that sent `Expect: 100-continue` send the body. */
    openBody(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void
    /** Opens the reservation of a request's body, which is released when the request has ended. */
    reserveBody(request: FastifyRequest): ByteReservation
    /** The error of a body that got no memory in time, or arrived too slowly. */
    rejectBody(reason: 'bytes' | 'slow'): Error
  }
  interface FastifyRequest {
    /** Whether the hooks before the body have let the request pass. */
    isBodyOpen: boolean
  }
}

const RETRY_AFTER_MS = 5_000

/** The bound on the memory of request bodies. */
async function bodyLimits(fastify: FastifyInstance): Promise<void> {
  const { config, metrics, server, inputBudget: budget } = fastify
  const { uploadPeriodMs } = { ...defaultTiming, ...fastify.appOptions.timing }
  fastify.decorateRequest('isBodyOpen', false)

  function rejectBody(reason: 'bytes' | 'slow'): Error {
    metrics.rejections.inc({ reason })
    if (reason === 'slow') {
      const pace = `send at least ${UNRESERVED_BYTES} bytes every ${uploadPeriodMs / 1000} s`
      return new Rejection(408, `The body arrived too slowly: ${pace}.`)
    }
    return new Rejection(503, `Upload memory limit reached; retry in ${RETRY_AFTER_MS / 1000} s.`, {
      retryAfterMs: RETRY_AFTER_MS,
    })
  }
  fastify.decorate('rejectBody', rejectBody)

  fastify.decorate('openBody', function openBody(request, reply, done) {
    request.isBodyOpen = true
    if (request.headers.expect?.toLowerCase() !== '100-continue') {
      done()
      return
    }
    const announced = Number(request.headers['content-length'] ?? 0)
    const isTooLarge = announced > config.limits.maxBodyBytes
    const needsReservation = !isTooLarge && announced > UNRESERVED_BYTES
    // The client has not sent the upload yet, so that a rejection is cheaper than waiting for capacity with half of it.
    if (needsReservation && !budget.fits(request.caller.rateLimitKey, announced)) {
      done(rejectBody('bytes'))
      return
    }
    // The parser rejects a body that is too large; the client need not send it.
    if (!isTooLarge && !reply.raw.destroyed) reply.raw.writeContinue()
    done()
  })

  fastify.decorate('reserveBody', function reserveBody(request) {
    const reservation = budget.open(request.caller.rateLimitKey)
    request.lifecycle.scope.defer(reservation.release)
    return reservation
  })

  // Node would send `100 Continue` before any hook runs.
  server.on('checkContinue', (request, response) => server.emit('request', request, response))
}

export default fp(bodyLimits, {
  name: 'body-limits',
  dependencies: ['auth', 'config', 'input-budget', 'lifecycle', 'metrics'],
})
