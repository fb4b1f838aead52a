import type { FastifyInstance } from 'fastify'
import { resourceMetadata } from '../services/access/resource-metadata.ts'

/** Where OAuth clients learn whose tokens to get. Open, since who asks has none yet. */
export default async function wellKnown(fastify: FastifyInstance): Promise<void> {
  const { config, protectedResources } = fastify
  if (protectedResources === undefined || config.OAUTH_ISSUER === undefined) return
  const scopes = (config.OAUTH_REQUIRED_SCOPES ?? '').split(/[\s,]+/).filter((scope) => scope !== '')

  for (const resource of Object.values(protectedResources)) {
    const body = resourceMetadata(resource, config.OAUTH_ISSUER, scopes)
    fastify.get(resource.metadataPath, async function showResource(_request, reply) {
      // Pages of other origins are clients too, and nothing here is secret.
      return reply.headers({ 'access-control-allow-origin': '*', 'cache-control': 'max-age=3600' }).send(body)
    })
  }
}
