import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { BodySchema } from '../../schemas/json-rpc.ts'
import { envelopeError, isBody } from '../../services/mcp/envelope.ts'
import { defaultTiming } from '../../services/mcp/timeouts.ts'
import { rejectMethods } from './allowed-methods.ts'
import { addBodyParser } from './body-parser.ts'
import { HttpContext } from './context.ts'
import { readableByPages } from './cors.ts'
import { trackDeliveries } from './delivery.ts'
import { addErrorHandler } from './errors.ts'
import { createResponder } from './responder.ts'

/** `POST /` and `POST /mcp`: JSON-RPC over HTTP. The hooks are in autohooks.ts; errors are JSON-RPC errors. */
export default async function rpc(fastify: FastifyInstance): Promise<void> {
  const { config, appOptions } = fastify
  const timing = { ...defaultTiming, ...appOptions.timing }
  const bodyLimit = config.limits.maxBodyBytes
  const respond = createResponder(fastify, timing)
  const contextOptions = {
    deadlineMs: config.limits.callDeadlineMs,
    deliveryOf: trackDeliveries(fastify, timing),
    accessOf: fastify.libraryAccess,
    baseUrlOf: fastify.baseUrlOf,
  }

  fastify.decorateRequest('callContext', null)
  fastify.onResponseClose(({ callContext }, { raw }) => {
    if (!raw.writableFinished) callContext?.cancel()
  })
  function contextOf(request: FastifyRequest, reply: FastifyReply): HttpContext {
    request.callContext ??= new HttpContext(request, reply, contextOptions)
    return request.callContext
  }

  addBodyParser(fastify, timing)
  addErrorHandler(fastify, contextOf)
  // The schema as it is compiled for every transport.
  fastify.setValidatorCompiler(() => (body) => isBody(body) || { error: envelopeError(body) })

  const route = { schema: { body: BodySchema }, bodyLimit, helmet: false as const }
  const routes = fastify.withTypeProvider<TypeBoxTypeProvider>()
  for (const [url, oauthResource] of [
    ['/', 'root'],
    ['/mcp', 'mcp'],
  ] as const) {
    const config = { cors: readableByPages, oauthResource }
    routes.post(url, { ...route, config }, (request, reply) => respond(request, reply, contextOf(request, reply)))
    fastify.options(url, { config }, async () => undefined)
  }
  rejectMethods(fastify, '/', ['GET', 'POST', 'OPTIONS'], 'GET, POST')
  rejectMethods(fastify, '/mcp', ['POST', 'OPTIONS'], 'POST')
}
