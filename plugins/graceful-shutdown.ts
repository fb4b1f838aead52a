import { setTimeout as pause } from 'node:timers/promises'
import type { FastifyInstance, HookHandlerDoneFunction } from 'fastify'
import fp from 'fastify-plugin'
import { rejection } from '../services/mcp/protocol-error.ts'

declare module 'fastify' {
  interface FastifyInstance {
    drain: {
      /**
       * A request on a transport without hooks; returns what tells that its response is out.
       * @throws ProtocolError while closing
       */
      enter(): () => void
      /** Hook for `onRequest` of routes whose responses are waited for; turns new requests away while closing. */
      admit(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void
      /** Calls back when waiting is over: whatever still runs must answer now. Returns what takes that back. */
      onForceClose(callback: () => void): () => void
    }
  }
}

const POLL_MS = 20
const MAX_LISTENERS = 20
/** For last answers to go out after waiting is over. */
const LAST_WORDS_MS = 1_000
const RETRY_AFTER_MS = 2_000

/**
 * An end in order: nothing new is taken, what runs may finish within SHUTDOWN_GRACE_MS, whoever still waits then is told
 * so, and connections that do not end by themselves are cut. All of it has an end, so that the process can exit with 0.
 */
async function drain(fastify: FastifyInstance): Promise<void> {
  const { config, log, metrics, admission, server } = fastify
  /** A set and no signal, since every request comes and goes here. */
  const onForceClose = new Set<() => void>()
  let isOver = false
  let isClosing = false
  let open = 0
  let cut: NodeJS.Timeout | undefined

  function enter(): () => void {
    if (isClosing) {
      metrics.rejections.inc({ reason: 'shutdown' })
      throw rejection(503, 'The service is shutting down. Try again in some seconds.', { retryAfterMs: RETRY_AFTER_MS })
    }
    open++
    return () => {
      open--
    }
  }

  const isBusy = () => open > 0 || admission.running > 0
  async function settle(limitMs: number): Promise<boolean> {
    for (const endsAt = performance.now() + limitMs; isBusy() && performance.now() < endsAt; ) await pause(POLL_MS)
    return !isBusy()
  }

  fastify.decorate('drain', {
    onForceClose(callback) {
      if (isOver) callback()
      else onForceClose.add(callback)
      return () => onForceClose.delete(callback)
    },
    enter,
    admit(_request, reply, done) {
      if (isClosing) reply.header('connection', 'close')
      const disconnect = enter()
      // Many parts wait for the end of a response: counters, the body's room, the images, the framework's own streams.
      reply.raw.setMaxListeners(MAX_LISTENERS)
      reply.raw.once('close', disconnect)
      done()
    },
  })

  fastify.addHook('preClose', async function drainCalls() {
    isClosing = true
    if (isBusy()) log.info({ open, calls: admission.running }, 'waiting for running calls')
    if (!(await settle(config.server.shutdownGraceMs))) {
      log.warn({ open, calls: admission.running }, 'calls are cut off, because SHUTDOWN_GRACE_MS is over')
      isOver = true
      for (const callback of onForceClose) callback()
      await settle(LAST_WORDS_MS)
    }
    // Fastify now waits for every connection, and some callers never read.
    cut = setTimeout(() => server.closeAllConnections(), LAST_WORDS_MS)
  })
  fastify.addHook('onClose', async () => clearTimeout(cut))
}

export default fp(drain, { name: 'graceful-shutdown', dependencies: ['calls', 'config', 'logger', 'metrics'] })
