import rateLimiter, { type FastifyRateLimitStore } from '@fastify/rate-limit'
import type { FastifyInstance, HookHandlerDoneFunction } from 'fastify'
import fp from 'fastify-plugin'
import { addressCaller, rateLimitKey } from '../services/auth/authenticator.ts'
import type { UnitCounter } from '../services/limits/unit-counter.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Hook for `onRequest`, after `authenticate`: counts a request of the caller's. */
    limitRequests(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void
  }
}

/** How many requests a caller may send. */
async function rateLimit(fastify: FastifyInstance): Promise<void> {
  const { config, metrics, unitCounter } = fastify
  const { requestsPerMinute: max } = config.limits
  if (max === 0) {
    fastify.decorate('limitRequests', (_request, _reply, done) => done())
    return
  }

  await fastify.register(rateLimiter, {
    global: false,
    max,
    timeWindow: 60_000,
    store: storeOn(unitCounter),
    keyGenerator: (request) => rateLimitKey((request.caller ?? addressCaller(request.ip)).id),
    onExceeded: () => metrics.rejections.inc({ reason: 'requests' }),
    errorResponseBuilder: (_request, { ttl, statusCode }) =>
      Object.assign(
        new Error(`You have sent too many requests in the last minute. Try again in ${Math.ceil(ttl / 1000)} s.`),
        { statusCode, retryAfterMs: ttl },
      ),
  })
  const limit = fastify.rateLimit()
  fastify.decorate('limitRequests', function limitRequests(request, reply, done) {
    limit.call(fastify, request, reply).then(() => done(), done)
  })
}

/** Makes the limiter count where everything else is counted. */
function storeOn(counter: UnitCounter) {
  return class CounterStore implements FastifyRateLimitStore {
    incr: FastifyRateLimitStore['incr'] = (key, callback, timeWindow) => {
      counter.add(`requests:${key}`, 1, timeWindow).then(
        ({ units, resetMs }) => callback(null, { current: units, ttl: resetMs }),
        (error: Error) => callback(error),
      )
    }

    child(): FastifyRateLimitStore {
      return this
    }
  }
}

export default fp(rateLimit, { name: 'rate-limit', dependencies: ['auth', 'config', 'metrics', 'counters'] })
