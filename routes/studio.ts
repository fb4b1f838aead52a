import type { FastifyInstance } from 'fastify'
import { hasCurrent } from '../services/net/byte-selection.ts'
import type { InlineSources } from '../services/net/inline-sources.ts'
import { rejectMethods } from './shared/allowed-methods.ts'

/** `GET /studio`: the page on which people edit images. It holds nothing of anyone; its calls are authenticated like all others. */
export default async function studio(fastify: FastifyInstance): Promise<void> {
  const { page } = fastify.studio ?? {}
  if (page === undefined) return
  const options = {
    onRequest: [fastify.guardHost, fastify.guardOrigin],
    helmet: { contentSecurityPolicy: false as const },
  }
  fastify.get('/studio', options, async function showStudio({ headers }, reply) {
    const { html, etag, sources } = await page.load()
    reply.headers({
      etag,
      // Asked for each time: another release of the service may not understand the page of the one before.
      'cache-control': 'no-cache',
      'content-security-policy': policyOf(sources),
    })
    if (hasCurrent(headers['if-none-match'] ?? '', etag)) return reply.code(304).send()
    return reply.type('text/html; charset=utf-8').send(html)
  })
  rejectMethods(fastify, '/studio', ['GET'], { allow: 'GET, HEAD', sentence: 'Send GET, and calls to /mcp.' })
}

/** Its own script and style, calls to this service, and nothing else. */
function policyOf({ scripts, styles }: InlineSources): string {
  return [
    "default-src 'none'",
    `script-src ${scripts.join(' ')}`,
    `style-src ${styles.join(' ')}`,
    "connect-src 'self'",
    // The empty icon of the page.
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join(';')
}
