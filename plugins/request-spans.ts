import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { endRequestSpan, startRequestSpan } from '../services/telemetry/request-span.ts'
import { noTrace, type Span, type Trace } from '../services/telemetry/trace.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Where the spans of a request begin. */
    traceOf(request: FastifyRequest): Trace
  }
  interface FastifyRequest {
    /** Absent without a collector, and until the first part of the service needs it. */
    span: Span | undefined
    /** `performance.now()`; only with a collector. */
    arrivedAt: number
  }
}

/** A span for every request, except those of probes and scrapes. */
async function requestSpans(fastify: FastifyInstance): Promise<void> {
  const { isOn, root } = fastify.tracing
  if (!isOn) {
    fastify.decorate('traceOf', () => noTrace)
    return
  }
  /** Late: only then is it known who calls. */
  function spanOf(request: FastifyRequest): Span {
    const { method, headers, caller, routeOptions, arrivedAt } = request
    const facts = { method, headers, route: routeOptions.url, startedAt: arrivedAt, isTrusted: !caller.isAnonymous }
    request.span ??= startRequestSpan(root, facts)
    return request.span
  }
  fastify.decorate('traceOf', (request) => spanOf(request).trace)
  fastify.decorateRequest('span', undefined)
  fastify.decorateRequest('arrivedAt', 0)
  fastify.addHook('onRequest', function noteArrival(request, _reply, done) {
    request.arrivedAt = performance.now()
    done()
  })
  fastify.onResponseClose((request, { raw, statusCode }) => {
    if (request.routeOptions.config.isRoutine === true) return
    endRequestSpan(spanOf(request), raw.writableFinished ? statusCode : undefined)
  })
}

export default fp(requestSpans, { name: 'request-spans', dependencies: ['lifecycle', 'tracing'] })
