import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { resourceMetadata } from '../services/auth/resource-metadata.ts'
import { PREFLIGHT_MAX_AGE } from './rpc/cors.ts'

/** Where OAuth clients learn whose tokens to get. Open, since who asks has none yet. */
export default async function wellKnown(fastify: FastifyInstance): Promise<void> {
  const { config, protectedResources } = fastify
  const { oauth } = config.auth
  if (protectedResources === undefined || oauth === undefined) return

  for (const resource of Object.values(protectedResources)) {
    const body = resourceMetadata(resource, oauth.issuer, oauth.requiredScopes)
    fastify.get(resource.metadataPath, { onRequest: fastify.guardHost }, async function showResource(_request, reply) {
      // Pages of other origins are clients too, and nothing here is secret.
      return reply.headers({ 'access-control-allow-origin': '*', 'cache-control': 'max-age=3600' }).send(body)
    })
    fastify.options(resource.metadataPath, { onRequest: [fastify.guardHost, respondPreflight] }, respondPreflight)
  }
}

/** Browsers ask first, because MCP clients name their protocol version in a header of its own. */
async function respondPreflight({ headers }: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const asked = headers['access-control-request-headers']
  if (asked !== undefined) reply.header('access-control-allow-headers', asked)
  return reply
    .code(204)
    .headers({
      allow: 'GET, HEAD, OPTIONS',
      vary: 'Access-Control-Request-Headers',
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET',
      'access-control-max-age': PREFLIGHT_MAX_AGE,
    })
    .send()
}
