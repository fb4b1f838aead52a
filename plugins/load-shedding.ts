import { getHeapStatistics } from 'node:v8'
import pressure from '@fastify/under-pressure'
import type { FastifyInstance, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import fp from 'fastify-plugin'
import { addressCaller, rateLimitKey } from '../services/auth/authenticator.ts'
import { createLoadShare } from '../services/limits/load-share.ts'
import { rejection } from '../services/mcp/protocol-error.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Hook for `onRequest`, after `authenticate`: sheds the callers that keep the process busy. */
    shedLoad(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void
    /** Does a synchronous part of a request's work, and counts its time as its caller's. */
    chargeLoop<T>(request: FastifyRequest, work: () => T): T
  }
}

/** Of what V8 may use at most; beyond it the collector only runs and nothing else does. */
const MAX_HEAP_SHARE = 0.9
/** One large image is no overload, and neither is the start. */
const SHED_AFTER_MS = 2_000
/** A load balancer shall not take the service out for one large image. */
const SUSTAINED_MS = 10_000
const SAMPLE_MS = 1_000
const RETRY_AFTER_MS = 5_000

/**
 * Sheds the calls of those that keep the process busy while it cannot keep up. Probes and scrapes are answered under any
 * load.
 */
async function underPressure(fastify: FastifyInstance): Promise<void> {
  const { config, metrics, readiness } = fastify
  let since: number | undefined
  const share = createLoadShare()
  await fastify.register(pressure, {
    sampleInterval: SAMPLE_MS,
    maxEventLoopDelay: config.server.maxEventLoopDelayMs,
    maxHeapUsedBytes: Math.floor(getHeapStatistics().heap_size_limit * MAX_HEAP_SHARE),
    // It answers nothing by itself: whom to shed is known once the caller is.
    pressureHandler: () => undefined,
  })

  const lastedMs = () => (since === undefined ? 0 : performance.now() - since)

  fastify.decorate('shedLoad', function shedLoad(request, _reply, done) {
    const isLasting = lastedMs() >= SHED_AFTER_MS && fastify.isUnderPressure()
    if (isLasting && share.isHeavy(ownerOf(request))) {
      metrics.rejections.inc({ reason: 'pressure' })
      throw rejection(503, 'The service is overloaded. Try again in some seconds.', { retryAfterMs: RETRY_AFTER_MS })
    }
    done()
  })

  fastify.decorate('chargeLoop', function chargeLoop(request, work) {
    const startedAt = performance.now()
    try {
      return work()
    } finally {
      share.charge(ownerOf(request), performance.now() - startedAt)
    }
  })

  const timer = setInterval(() => {
    share.decay()
    since = fastify.isUnderPressure() ? (since ?? performance.now()) : undefined
  }, SAMPLE_MS).unref()
  fastify.addHook('onClose', async () => clearInterval(timer))
  readiness.add('load', () => {
    if (since === undefined) return { ready: true, state: 'normal' }
    return { ready: lastedMs() < SUSTAINED_MS, state: 'high' }
  })
}

function ownerOf(request: FastifyRequest): string {
  return rateLimitKey((request.caller ?? addressCaller(request.ip)).id)
}

export default fp(underPressure, { name: 'load-shedding', dependencies: ['config', 'metrics', 'readiness'] })
