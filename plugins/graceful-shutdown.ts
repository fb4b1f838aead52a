import { setTimeout as pause } from 'node:timers/promises'
import type { FastifyInstance, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import fp from 'fastify-plugin'
import { createInFlight } from '../services/calls/in-flight.ts'
import { Rejection } from '../services/errors/rejection.ts'

declare module 'fastify' {
  interface FastifyInstance {
    drain: {
      /**
       * Counts a request on a transport without hooks. @returns what reports that its response was sent
       * @throws Rejection during shutdown
       */
      enter(): () => void
      /** Hook for `onRequest` of routes whose responses the shutdown waits for; rejects new requests during shutdown. */
      admit(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void
      /** Calls back when the grace period is over: what still runs must respond now. */
      onForceClose(callback: () => void): void
    }
  }
}

/** Milliseconds for the last responses to be sent after the grace period. */
const LAST_RESPONSES_MS = 1_000
const RETRY_AFTER_MS = 2_000

/**
 * Graceful shutdown: reject new requests, let running ones finish within SHUTDOWN_GRACE_MS, respond to the rest with 503,
 * then destroy connections. Every step is bounded, so that the process exits with 0.
 */
async function gracefulShutdown(fastify: FastifyInstance): Promise<void> {
  const { config, log, metrics, calls, server } = fastify
  const requests = createInFlight()
  /** Those over HTTP; the others register a callback. */
  const admitted = new Set<FastifyRequest>()
  const callbacks = new Set<() => void>()
  let isClosing = false
  let destroyTimer: NodeJS.Timeout | undefined

  function enter(): void {
    if (isClosing) {
      metrics.rejections.inc({ reason: 'shutdown' })
      const sentence = `The service is shutting down; retry in ${RETRY_AFTER_MS / 1000} s.`
      throw new Rejection(503, sentence, { retryAfterMs: RETRY_AFTER_MS })
    }
    requests.enter()
  }

  /** Whether everything ended in time. */
  async function settled(limitMs: number): Promise<boolean> {
    const enough = new AbortController()
    const idle = Promise.all([requests.idle(), calls.inFlight.idle()]).then(() => true)
    const limit = pause(limitMs, false, { signal: enough.signal })
    return await Promise.race([idle, limit]).finally(() => {
      limit.catch(() => {})
      enough.abort()
    })
  }

  fastify.decorate('drain', {
    onForceClose: (callback) => void callbacks.add(callback),
    enter() {
      enter()
      return requests.exit
    },
    admit(request, reply, done) {
      if (isClosing) reply.header('connection', 'close')
      enter()
      admitted.add(request)
      done()
    },
  })
  fastify.onResponseClose((request) => {
    if (admitted.delete(request)) requests.exit()
  })

  fastify.addHook('preClose', async function drain() {
    isClosing = true
    const running = () => ({ open: requests.count, calls: calls.inFlight.count })
    if (requests.count + calls.inFlight.count > 0) log.info(running(), 'waiting for running requests')
    if (!(await settled(config.server.shutdownGraceMs))) {
      log.warn(running(), 'force-closing remaining requests')
      for (const callback of callbacks) callback()
      for (const { lifecycle } of admitted) lifecycle.forceClose()
      await settled(LAST_RESPONSES_MS)
    }
    // Fastify now waits for every connection, and some clients never read.
    destroyTimer = setTimeout(() => server.closeAllConnections(), LAST_RESPONSES_MS)
  })
  fastify.addHook('onClose', async () => clearTimeout(destroyTimer))
}

export default fp(gracefulShutdown, {
  name: 'graceful-shutdown',
  dependencies: ['calls', 'config', 'lifecycle', 'logger', 'metrics'],
})
