import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'

/** Logs one line for every request, without its query, headers or body. */
async function logger(fastify: FastifyInstance): Promise<void> {
  fastify.addHook('onResponse', function logRequest(request: FastifyRequest, reply: FastifyReply, done) {
    const fields = { ...describe(request), status: reply.statusCode, durationMs: Math.round(reply.elapsedTime) }
    if (isRoutine(request)) request.log.debug(fields, 'request completed')
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
  }
}

/** Probes and scrapes arrive every few seconds. */
function isRoutine({ routeOptions: { url } }: FastifyRequest): boolean {
  return url === '/health' || url === '/ready' || url === '/metrics'
}

export default fp(logger, { name: 'logger', dependencies: ['config', 'lifecycle'] })
