import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import fp from 'fastify-plugin'
import { Rejection } from '../services/errors/rejection.ts'
import { type CallerLimiter, type CreateLimiter, createCallerLimiter } from '../services/limits/caller-limiter.ts'
import { MemoryLimiter } from '../services/limits/memory-limiter.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Limiters that count in this process, or with `REDIS_URL` for all replicas. */
    createLimiter: CreateLimiter
    /** Hook for `onRequest`, after `authenticate`: counts a request of its caller. @throws Rejection */
    limitRequests(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void
  }
}

const MINUTE_MS = 60_000

/** Counters of what callers use, and the limit of requests. */
async function rateLimit(fastify: FastifyInstance): Promise<void> {
  const { config, metrics } = fastify
  const createLimiter = await openLimiters(fastify)
  fastify.decorate('createLimiter', createLimiter)

  const points = config.limits.requestsPerMinute
  if (points === 0) {
    fastify.decorate('limitRequests', (_request, _reply, done) => done())
    return
  }
  const limiter = createLimiter({ namespace: 'requests', points, windowMs: MINUTE_MS })
  const rejected = metrics.rejections.labels('requests')
  fastify.decorate('limitRequests', function limitRequests(request, reply, done) {
    countRequest(limiter, points, request, reply).then((rejection) => {
      if (rejection !== undefined) rejected.inc()
      done(rejection)
    }, done)
  })
}

async function countRequest(limiter: CallerLimiter, points: number, request: FastifyRequest, reply: FastifyReply) {
  const { isExceeded, remaining, resetMs } = await limiter.consume(request.caller.rateLimitKey)
  const seconds = Math.ceil(resetMs / 1000)
  reply.headers({ 'x-ratelimit-limit': points, 'x-ratelimit-remaining': remaining, 'x-ratelimit-reset': seconds })
  if (!isExceeded) return undefined
  return new Rejection(429, `Request rate limit exceeded; retry in ${seconds} s.`, { retryAfterMs: resetMs })
}

/** The package for Redis is loaded only where there is one. */
async function openLimiters({ redis }: FastifyInstance): Promise<CreateLimiter> {
  if (redis === undefined) return (options) => createCallerLimiter(new MemoryLimiter(options))
  const { createRedisLimiters } = await import('../services/limits/redis-limiters.ts')
  return createRedisLimiters(redis)
}

export default fp(rateLimit, { name: 'rate-limit', dependencies: ['config', 'metrics', 'redis'] })
