import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/** Begins to run jobs once everything that their turns need exists. */
async function jobTurns(fastify: FastifyInstance): Promise<void> {
  const { calls, jobs, mcp } = fastify
  fastify.addHook('onReady', async () =>
    jobs?.start({ toolOf: mcp.toolOf, run: calls.runTurn, refund: calls.refundJob }),
  )
}

export default fp(jobTurns, { name: 'job-turns', dependencies: ['calls', 'jobs', 'mcp'] })
