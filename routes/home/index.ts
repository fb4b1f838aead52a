import type { FastifyInstance, FastifyRequest } from 'fastify'
import { checkScrape } from '../../services/auth/scrape-access.ts'
import { INVALID_REQUEST } from '../../services/mcp/protocol-error.ts'
import { homePage, STYLE_SOURCE } from './page.ts'
import { textsFor } from './texts.ts'

const styled = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      styleSrc: [STYLE_SOURCE],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
}

/** `GET /`: how to use the service, for people who open its address in a browser. */
export default async function home(fastify: FastifyInstance): Promise<void> {
  const { apiKeys, oauth, metricsToken } = fastify.config.auth
  fastify.get('/', { onRequest: fastify.guardHost, helmet: styled }, async function showPage(request, reply) {
    // Clients of the 2024 HTTP+SSE transport would take the page for an event stream.
    if (request.headers.accept?.toLowerCase().includes('text/event-stream')) {
      const error = { code: INVALID_REQUEST, message: 'Send JSON-RPC with POST.' }
      return reply.code(405).header('allow', 'POST').send({ jsonrpc: '2.0', id: null, error })
    }
    const scheme = request.protocol === 'https' ? 'https' : 'http'
    const { body } = await fastify.readiness.report()
    const texts = textsFor(request.headers['accept-language'], Object(request.query).lang)
    const origin = `${scheme}://${plainHost(request.host)}`
    const studio = fastify.allowsOrigin(URL.parse(origin)?.origin ?? '') ? ('open' as const) : ('blocked' as const)
    const facts = {
      origin,
      studio: fastify.studio && studio,
      version: fastify.appVersion,
      needsKey: apiKeys !== undefined,
      hasOAuth: oauth !== undefined,
      hasOpenAiApi: fastify.config.server.hasOpenAiApi,
      hasMetrics: metricsToken === undefined && mayScrape(request),
      report: body,
    }
    return reply
      .headers({
        'cache-control': 'no-store',
        'content-language': texts.lang,
        vary: 'accept, accept-language',
      })
      .type('text/html; charset=utf-8')
      .send(homePage(facts, texts))
  })
}

/** A link to metrics that would be rejected is a dead one. */
function mayScrape({ headers, ip }: FastifyRequest): boolean {
  try {
    checkScrape({ headers, address: ip, isTrustedProxy: false }, undefined)
    return true
  } catch {
    return false
  }
}

/** The Host header is untrusted: only characters of host names and addresses may reach the markup. */
function plainHost(host: string): string {
  return host.replaceAll(/[^\w.:[\]-]/g, '') || 'localhost'
}
