import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { abandonedEvents } from '../services/calls/abandoned-results.ts'
import { type Calls, createCalls } from '../services/calls/chain.ts'
import { deliveryProofs } from '../services/calls/delivery.ts'
import { DEFAULT_RULE } from '../services/calls/policy/policy.ts'
import { createCallLimits } from '../services/limits/call-limits.ts'

declare module 'fastify' {
  interface FastifyInstance {
    calls: Calls
  }
}

/** A day's worth of bad connections, and a bound for clients that disconnect on purpose. */
const MAX_STORED_RESULTS = 200
const MAX_STORED_BYTES = 536_870_912

/** The chain around every call of a tool. */
async function calls(fastify: FastifyInstance): Promise<void> {
  const { config, log, metrics, createLimiter } = fastify
  for (const event of abandonedEvents) metrics.abandoned.inc({ event }, 0)
  for (const proof of [...deliveryProofs, 'none']) metrics.responsesDelivered.inc({ proof }, 0)
  const calls = createCalls({
    folder: config.library.folder,
    maxCalls: config.limits.maxConcurrentCalls,
    limits: createCallLimits({
      callsPerMinute: config.limits.toolCallsPerMinute,
      imagesPerDay: config.limits.imagesPerDay,
      createLimiter,
    }),
    abandonedTtlMs: config.library.abandonedResultTtlMs,
    maxEntries: MAX_STORED_RESULTS,
    maxBytes: MAX_STORED_BYTES,
    jobs: fastify.jobs,
    policy: fastify.policy?.steps,
    once: fastify.once,
    replicas: fastify.replicas,
    ledger: fastify.ledger,
    log,
    observer: {
      callStarted: () => metrics.toolsInFlight.inc(),
      callFinished({ tool, outcome, door, traceId }, seconds) {
        metrics.toolsInFlight.dec()
        metrics.toolCalls.inc({ tool, outcome, door })
        metrics.toolDuration.observe({ tool, door }, seconds, traceId)
      },
      callRejected(reason) {
        metrics.rejections.inc({ reason })
        if (reason === 'images') metrics.policyRejections.inc({ rule: DEFAULT_RULE })
      },
      resultAbandoned: (event) => metrics.abandoned.inc({ event }),
      responseDelivered: (proof) => metrics.responsesDelivered.inc({ proof }),
    },
  })
  await calls.load()
  fastify.addHook('onClose', () => calls.close())
  fastify.decorate('calls', calls)
}

export default fp(calls, {
  name: 'calls',
  dependencies: ['config', 'logger', 'metrics', 'rate-limit', 'jobs', 'idempotency', 'replicas', 'ledger', 'policy'],
})
