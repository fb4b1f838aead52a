import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether requests arrive every few seconds, as probes and scrapes do, and are logged at level debug. */
    isRoutine?: boolean
  }
}

/** Logs one line for every request, without its query, headers or body. */
async function logger(fastify: FastifyInstance): Promise<void> {
  fastify.addHook('onResponse', function logRequest(request: FastifyRequest, reply: FastifyReply, done) {
    const fields = { ...describe(request), status: reply.statusCode, durationMs: Math.round(reply.elapsedTime) }
    if (request.routeOptions.config.isRoutine === true) request.log.debug(fields, 'request completed')
    else request.log.info(fields, 'request completed')
    done()
  })
  // Not `onRequestAbort`, which follows the request message: that one closes as soon as its body has been read.
  fastify.onResponseClose(function logDisconnect(request, { raw, elapsedTime }) {
    if (raw.writableFinished) return
    const fields = { ...describe(request), durationMs: Math.round(elapsedTime) }
    request.log.info(fields, 'client disconnected before the response')
  })
}

function describe(request: FastifyRequest) {
  return {
    method: request.method,
    route: request.routeOptions.url ?? 'unmatched',
    caller: request.caller.id,
    ...(request.span?.trace.id === undefined ? {} : { trace_id: request.span.trace.id }),
  }
}

export default fp(logger, { name: 'logger', dependencies: ['config', 'lifecycle'] })
