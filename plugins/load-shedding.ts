import type { FastifyInstance, HookHandlerDoneFunction } from 'fastify'
import fp from 'fastify-plugin'
import { Rejection } from '../services/errors/rejection.ts'
import { createLoadMeter } from '../services/limits/load-meter.ts'
import { createLoadShare } from '../services/limits/load-share.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Hook for `onRequest`, after `authenticate`: rejects the heaviest callers under load. @throws Rejection */
    shedLoad(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void
    /** Runs a synchronous part of a request's work, and counts its time as its caller's. */
    chargeLoop<T>(request: FastifyRequest, work: () => T): T
  }
}

/** One large image or the start-up is no overload. */
const SHED_AFTER_MS = 2_000
/** One large image must not take the service out of the load balancer. */
const SUSTAINED_MS = 10_000
const SAMPLE_MS = 1_000
const RETRY_AFTER_MS = 5_000

/**
 * Rejects the callers that keep the event loop busy while it cannot keep up. Probes and scrapes are served under any
 * load.
 */
async function loadShedding(fastify: FastifyInstance): Promise<void> {
  const { config, metrics, readiness } = fastify
  let since: number | undefined
  const share = createLoadShare()
  const meter = createLoadMeter({ maxEventLoopDelayMs: config.server.maxEventLoopDelayMs })
  const lastedMs = () => (since === undefined ? 0 : performance.now() - since)

  fastify.decorate('shedLoad', function shedLoad(request, _reply, done) {
    const isLasting = lastedMs() >= SHED_AFTER_MS && meter.isHigh
    if (!isLasting || !share.isHeavy(request.caller.rateLimitKey)) {
      done()
      return
    }
    metrics.rejections.inc({ reason: 'pressure' })
    const sentence = `The service is overloaded; retry in ${RETRY_AFTER_MS / 1000} s.`
    done(new Rejection(503, sentence, { retryAfterMs: RETRY_AFTER_MS }))
  })

  fastify.decorate('chargeLoop', function chargeLoop(request, work) {
    return share.measure(request.caller.rateLimitKey, work)
  })

  const timer = setInterval(() => {
    share.decay()
    meter.sample()
    since = meter.isHigh ? (since ?? performance.now()) : undefined
  }, SAMPLE_MS).unref()
  fastify.addHook('onClose', async () => {
    clearInterval(timer)
    meter.close()
  })
  readiness.add('load', () => {
    if (since === undefined) return { ready: true, state: 'normal' }
    return { ready: lastedMs() < SUSTAINED_MS, state: 'high', faults: ['IMG_ERR_OVERLOADED'] }
  })
}

export default fp(loadShedding, { name: 'load-shedding', dependencies: ['auth', 'config', 'metrics', 'readiness'] })
