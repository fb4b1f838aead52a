import type { FastifyInstance } from 'fastify'

/** The metrics, for Prometheus. */
export default async function metrics(fastify: FastifyInstance): Promise<void> {
  const options = { onRequest: fastify.authenticateScrape, config: { isRoutine: true } }
  fastify.get('/metrics', options, async function scrape(_request, reply) {
    const { registry } = fastify.metrics
    return reply.type(registry.contentType).send(await registry.metrics())
  })
}
