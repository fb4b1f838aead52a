import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { type AbandonedResults, createAbandonedResults } from '../services/calls/abandoned-results.ts'
import { type AdmissionControl, createAdmissionControl } from '../services/calls/admission-control.ts'
import { createIdempotentCalls } from '../services/calls/idempotent-calls.ts'
import { createCallLimits } from '../services/limits/call-limits.ts'
import type { CallGuard } from '../services/mcp/method.ts'

declare module 'fastify' {
  interface FastifyInstance {
    admission: AdmissionControl
    abandonedResults: AbandonedResults
  }
}

/** A day's worth of bad connections, and a bound for a caller that leaves on purpose. */
const MAX_STORED_RESULTS = 200
const MAX_STORED_BYTES = 536_870_912

/** What stands between a call and its tool. */
async function admission(fastify: FastifyInstance): Promise<void> {
  const { config, log, metrics, createLimiter } = fastify
  const abandonedResults = createAbandonedResults({
    folder: join(config.library.folder, '.abandoned'),
    ttlMs: config.library.abandonedResultTtlMs,
    maxEntries: MAX_STORED_RESULTS,
    maxBytes: MAX_STORED_BYTES,
    log,
    onEvent: (event) => metrics.abandoned.inc({ event }),
    onDelivered: (proof) => metrics.responsesDelivered.inc({ proof }),
  })
  await abandonedResults.load()
  fastify.addHook('onClose', () => abandonedResults.close())
  const idempotentCalls = createIdempotentCalls({
    folder: join(config.library.folder, '.idempotent'),
    maxEntries: MAX_STORED_RESULTS,
    maxBytes: MAX_STORED_BYTES,
    log,
  })
  await idempotentCalls.load()
  fastify.addHook('onClose', () => idempotentCalls.close())
  const attendAbandoned: CallGuard =
    config.library.abandonedResultTtlMs > 0 ? abandonedResults.attend : (_call, run) => run()
  const attend: CallGuard = (call, run) => idempotentCalls.attend(call, () => attendAbandoned(call, run))
  fastify.decorate('abandonedResults', abandonedResults)
  fastify.decorate(
    'admission',
    createAdmissionControl({
      maxCalls: config.limits.maxConcurrentCalls,
      limits: createCallLimits({
        callsPerMinute: config.limits.toolCallsPerMinute,
        imagesPerDay: config.limits.imagesPerDay,
        createLimiter,
      }),
      attend,
      onRejected: (reason) => metrics.rejections.inc({ reason }),
    }),
  )
}

export default fp(admission, { name: 'calls', dependencies: ['config', 'logger', 'metrics', 'rate-limit'] })
