import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import { BodySchema } from '../../schemas/json-rpc.ts'
import { envelopeError, isBody } from '../../services/mcp/envelope.ts'
import { parseMessage } from '../../services/mcp/message-parser.ts'
import { defaultTiming } from '../../services/mcp/timeouts.ts'
import { rejectMethods } from '../shared/allowed-methods.ts'
import { addBodyParser } from '../shared/body-parser.ts'
import { createContexts } from '../shared/context.ts'
import { readableByPages } from '../shared/cors.ts'
import { RpcContext } from './context.ts'
import { addErrorHandler } from './errors.ts'
import { createResponder } from './responder.ts'

const POST_ONLY =
  'Send JSON-RPC with POST: this endpoint has no standalone streams, and no session that could be ended.'

/** `POST /` and `POST /mcp`: JSON-RPC over HTTP. The hooks are in autohooks.ts; errors are JSON-RPC errors. */
export default async function rpc(fastify: FastifyInstance): Promise<void> {
  const { config, appOptions } = fastify
  const timing = { ...defaultTiming, ...appOptions.timing }
  const bodyLimit = config.limits.maxBodyBytes
  const respond = createResponder(fastify, timing)
  const contextOf = createContexts(fastify, 'mcp', timing, RpcContext)

  addBodyParser(fastify, { ...timing, parse: parseMessage })
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
  rejectMethods(fastify, '/', ['GET', 'POST', 'OPTIONS'], { allow: 'GET, POST', sentence: POST_ONLY })
  rejectMethods(fastify, '/mcp', ['POST', 'OPTIONS'], { allow: 'POST', sentence: POST_ONLY })
}
