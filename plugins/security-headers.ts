import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { SAFE_HEADERS } from '../services/logging/safe-headers.ts'

/** On every response that a browser may show, which JSON-RPC's are not. A route that needs another value sets its own. */
async function securityHeaders(fastify: FastifyInstance): Promise<void> {
  fastify.addHook('onSend', function addHeaders({ method }, reply, payload, done) {
    if (method !== 'POST') {
      for (const [name, value] of Object.entries(SAFE_HEADERS)) if (!reply.hasHeader(name)) reply.header(name, value)
    }
    done(null, payload)
  })
}

export default fp(securityHeaders, { name: 'security-headers' })
