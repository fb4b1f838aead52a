import { getHeapStatistics } from 'node:v8'
import pressure from '@fastify/under-pressure'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { refusal } from '../services/mcp/protocol-error.ts'

/** Of what V8 may use at most; beyond it the collector only runs and nothing else does. */
const MAX_HEAP_SHARE = 0.9
/** One large picture is no overload, and neither is the start. */
const SHED_AFTER_MS = 2_000
/** A load balancer shall not take the service out for one large picture. */
const SUSTAINED_MS = 10_000
const SAMPLE_MS = 1_000
const RETRY_AFTER_MS = 5_000
const RPC_ROUTES = new Set(['/', '/mcp'])

/** Sheds calls while the process cannot keep up. Probes and scrapes are answered under any load. */
async function underPressure(fastify: FastifyInstance): Promise<void> {
  const { config, metrics, readiness } = fastify
  let since: number | undefined
  await fastify.register(pressure, {
    sampleInterval: SAMPLE_MS,
    maxEventLoopDelay: config.MAX_EVENT_LOOP_DELAY_MS,
    maxHeapUsedBytes: Math.floor(getHeapStatistics().heap_size_limit * MAX_HEAP_SHARE),
    pressureHandler: shed,
  })

  const lastedMs = () => (since === undefined ? 0 : performance.now() - since)

  function shed({ method, routeOptions: { url = '' } }: FastifyRequest): Promise<void> | undefined {
    if (method !== 'POST' || !RPC_ROUTES.has(url) || lastedMs() < SHED_AFTER_MS) return undefined
    metrics.refusals.inc({ reason: 'pressure' })
    const sentence = 'The service is overloaded. Try again in some seconds.'
    return Promise.reject(refusal(503, sentence, { retryAfterMs: RETRY_AFTER_MS }))
  }

  const timer = setInterval(() => {
    since = fastify.isUnderPressure() ? (since ?? performance.now()) : undefined
  }, SAMPLE_MS).unref()
  fastify.addHook('onClose', async () => clearInterval(timer))
  readiness.add('load', () => {
    if (since === undefined) return { ready: true, state: 'normal' }
    return { ready: lastedMs() < SUSTAINED_MS, state: 'high' }
  })
}

export default fp(underPressure, { name: 'under-pressure', dependencies: ['config', 'metrics', 'readiness'] })
