import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { type CallGate, createCallGate } from '../services/calls/call-gate.ts'
import { createCallLimits } from '../services/limits/call-limits.ts'

declare module 'fastify' {
  interface FastifyInstance {
    callGate: CallGate
  }
}

/** What stands between a call and its tool. */
async function callGate(fastify: FastifyInstance): Promise<void> {
  const { config, metrics, unitCounter } = fastify
  fastify.decorate(
    'callGate',
    createCallGate({
      maxCalls: config.MAX_CONCURRENT_CALLS,
      limits: createCallLimits({
        callsPerMinute: config.TOOL_CALLS_PER_MINUTE,
        imagesPerDay: config.IMAGES_PER_DAY,
        counter: unitCounter,
      }),
      onRefused: (reason) => metrics.refusals.inc({ reason }),
    }),
  )
}

export default fp(callGate, { name: 'call-gate', dependencies: ['config', 'metrics', 'unit-counter'] })
