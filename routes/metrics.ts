import type { FastifyInstance } from 'fastify'
import { exposeMetrics } from '../services/telemetry/exposition.ts'

/** The metrics, for Prometheus. */
export default async function metrics(fastify: FastifyInstance): Promise<void> {
  const options = { onRequest: fastify.authenticateScrape, config: { isRoutine: true } }
  fastify.get('/metrics', options, async function scrape(request, reply) {
    const { contentType, body } = await exposeMetrics(fastify.metrics.registry, request.headers.accept)
    return reply.type(contentType).send(body)
  })
}
