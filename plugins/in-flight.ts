import type { FastifyInstance, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import fp from 'fastify-plugin'
import { type ByteReservation, createByteBudget } from '../services/limits/byte-budget.ts'
import { isTooSlow } from '../services/limits/upload-watch.ts'
import { refusal } from '../services/mcp/protocol-error.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Hook for `onRequest`: finds room for the body before it is read. */
    reserveBody(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void
    /** Hook for `preValidation`: the body is here, and its true size known. */
    settleBody(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void
  }
  interface FastifyRequest {
    /** Room for this request's body; who goes on using the body after the answer retains it. */
    bodyRoom: ByteReservation | null
  }
}

interface Upload {
  request: FastifyRequest
  startedAt: number
  /** Bytes that the connection had brought before this request. */
  readBefore: number
}

const RETRY_AFTER_MS = 5_000
const WATCH_MS = 5_000

/** The bound on request bodies in memory, the watch over slow uploads, and the number of connections. */
async function inFlight(fastify: FastifyInstance): Promise<void> {
  const { config, metrics, server } = fastify
  const budget = createByteBudget(config.MAX_INFLIGHT_BYTES)
  const uploads = new Map<FastifyRequest, Upload>()
  metrics.setBodyBytes(() => budget.used)
  fastify.decorateRequest('bodyRoom', null)

  fastify.decorate('reserveBody', function reserveBody(request, reply, done) {
    const room = budget.reserve(announcedBytes(request, config.MAX_BODY_BYTES))
    if (room === undefined) {
      metrics.refusals.inc({ reason: 'bytes' })
      throw refusal(503, 'The service holds as many uploads as it can. Try again in some seconds.', {
        retryAfterMs: RETRY_AFTER_MS,
      })
    }
    // Who left while it was asked who it is has no end of the answer any more that would give the room back.
    if (reply.raw.destroyed) {
      room.release()
      done()
      return
    }
    request.bodyRoom = room
    const { socket } = request.raw
    uploads.set(request, { request, startedAt: performance.now(), readBefore: socket.bytesRead })
    reply.raw.once('close', () => {
      uploads.delete(request)
      room.release()
    })
    // Only now, so that a refused upload is never sent.
    if (request.headers.expect?.toLowerCase() === '100-continue') reply.raw.writeContinue()
    done()
  })

  fastify.decorate('settleBody', function settleBody(request, _reply, done) {
    const upload = uploads.get(request)
    if (upload !== undefined) request.bodyRoom?.shrink(request.raw.socket.bytesRead - upload.readBefore)
    uploads.delete(request)
    done()
  })

  const watch = setInterval(() => {
    for (const { request, startedAt, readBefore } of uploads.values()) {
      const { socket } = request.raw
      if (!isTooSlow(socket.bytesRead - readBefore, performance.now() - startedAt)) continue
      metrics.refusals.inc({ reason: 'slow' })
      request.log.info({ caller: request.ip }, 'upload was too slow and is dropped')
      socket.destroy()
    }
  }, WATCH_MS).unref()
  fastify.addHook('onClose', async () => clearInterval(watch))

  server.on('checkContinue', (request, response) => server.emit('request', request, response))
  server.maxConnections = config.MAX_CONNECTIONS
  server.on('drop', () => {
    metrics.refusals.inc({ reason: 'connections' })
    // Those that wait for nothing make room for those that want something, probes among them.
    server.closeIdleConnections()
  })
}

/** What is longer than allowed is refused elsewhere, and nothing of it is read. */
function announcedBytes({ headers }: FastifyRequest, maxBodyBytes: number): number {
  if (headers['transfer-encoding'] !== undefined) return maxBodyBytes
  const announced = Number(headers['content-length'] ?? 0)
  return announced <= maxBodyBytes ? announced : 0
}

export default fp(inFlight, { name: 'in-flight', dependencies: ['config', 'logging', 'metrics'] })
