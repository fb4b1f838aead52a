import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/**
 * What tells browsers to do nothing with an answer but show it. https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html
 * Strict-Transport-Security is for whoever ends TLS in front of the service.
 */
const HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
}

/** On every answer that a browser may show, which JSON-RPC's are not. A route that needs another value sets its own. */
async function securityHeaders(fastify: FastifyInstance): Promise<void> {
  fastify.addHook('onSend', function addHeaders({ method }, reply, payload, done) {
    if (method !== 'POST') {
      for (const [name, value] of Object.entries(HEADERS)) if (!reply.hasHeader(name)) reply.header(name, value)
    }
    done(null, payload)
  })
}

export default fp(securityHeaders, { name: 'security-headers' })
