import type { FastifyInstance, HookHandlerDoneFunction } from 'fastify'
import fp from 'fastify-plugin'
import { createDrain, LAST_RESPONSES_MS } from '../services/calls/drain.ts'

declare module 'fastify' {
  interface FastifyInstance {
    drain: {
      /**
       * Counts a request on a transport without hooks. @returns what reports that its response was sent
       * @throws Rejection during shutdown
       */
      enter(): () => void
      /** Hook for `onRequest` of routes whose responses the shutdown waits for. @throws Rejection during shutdown */
      admit(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void
      /** Calls back when the grace period is over: what still runs must respond now. */
      onForceClose(callback: () => void): void
    }
  }
}

/**
 * Graceful shutdown: reject new requests, let running ones finish within SHUTDOWN_GRACE_MS, respond to the rest with an error,
 * then destroy connections. Every step is bounded, so that the process exits with 0.
 */
async function gracefulShutdown(fastify: FastifyInstance): Promise<void> {
  const { config, log, metrics, calls, server } = fastify
  const drain = createDrain(calls, log, () => metrics.rejections.inc({ reason: 'shutdown' }))
  let destroyTimer: NodeJS.Timeout | undefined

  fastify.decorate('drain', {
    onForceClose: drain.onForceClose,
    enter() {
      const request = { forceClose() {} }
      drain.enter(request)
      return () => drain.exit(request)
    },
    admit({ lifecycle }, reply, done) {
      if (drain.isClosing) reply.header('connection', 'close')
      drain.enter(lifecycle)
      done()
    },
  })
  fastify.onResponseClose(({ lifecycle }) => drain.exit(lifecycle))

  fastify.addHook('preClose', async () => {
    // New requests are rejected from now on, and with them every response to a question.
    fastify.questions.close()
    await drain.close(config.server.shutdownGraceMs)
    // Fastify now waits for every connection, and some clients never read.
    destroyTimer = setTimeout(() => server.closeAllConnections(), LAST_RESPONSES_MS)
  })
  fastify.addHook('onClose', async () => clearTimeout(destroyTimer))
}

export default fp(gracefulShutdown, {
  name: 'graceful-shutdown',
  dependencies: ['calls', 'config', 'lifecycle', 'logger', 'metrics', 'questions', 'subscriptions'],
})
