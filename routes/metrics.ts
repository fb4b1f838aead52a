import type { FastifyInstance } from 'fastify'

/** The metrics, for Prometheus. */
export default async function metrics(fastify: FastifyInstance): Promise<void> {
  fastify.get('/metrics', { onRequest: fastify.authenticateScrape }, async function scrape(_request, reply) {
    const { registry } = fastify.metrics
    return reply.type(registry.contentType).send(await registry.metrics())
  })
}
