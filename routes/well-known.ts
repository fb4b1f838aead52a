import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import { RESOURCE_METADATA_PATH, resourceMetadata } from '../services/auth/resource-metadata.ts'

/** Seconds that a browser may cache a preflight; Chromium's maximum. */
const PREFLIGHT_MAX_AGE = 7200

/** Where OAuth clients discover the issuer. Needs no credential, since clients have none yet. */
export default async function wellKnown(fastify: FastifyInstance): Promise<void> {
  const { config, protectedResources } = fastify
  const { oauth } = config.auth
  if (protectedResources === undefined || oauth === undefined) return

  await fastify.register(
    async function resources(scope) {
      scope.addHook('onRequest', fastify.guardHost)
      // Web pages of any origin are clients too, and nothing here is secret.
      await scope.register(cors, { origin: '*', methods: 'GET', maxAge: PREFLIGHT_MAX_AGE, strictPreflight: false })
      for (const resource of Object.values(protectedResources)) {
        const body = resourceMetadata(resource, oauth.issuer, oauth.requiredScopes)
        scope.get(
          resource.metadataPath.slice(RESOURCE_METADATA_PATH.length),
          async function showResource(_request, reply) {
            return reply.header('cache-control', 'max-age=3600').send(body)
          },
        )
      }
    },
    { prefix: RESOURCE_METADATA_PATH },
  )
}
