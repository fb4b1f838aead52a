import type { FastifyInstance } from 'fastify'

/** Liveness and readiness: not authenticated, and without requests to Azure. */
export default async function health(fastify: FastifyInstance): Promise<void> {
  fastify.get('/health', { config: { isRoutine: true } }, async function isAlive(_request, reply) {
    return reply.type('text/plain; charset=utf-8').header('cache-control', 'no-store').send('OK')
  })

  fastify.get('/ready', { config: { isRoutine: true } }, async function isReady(_request, reply) {
    const { ready, body } = await fastify.readiness.report()
    return reply
      .code(ready ? 200 : 503)
      .header('cache-control', 'no-store')
      .send(body)
  })
}
