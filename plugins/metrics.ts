import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { createMetrics, type Metrics } from '../services/telemetry/metrics.ts'

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Metrics
  }
}

/** Methods with a series; Node's parser accepts some thirty more, which any client may send. */
const COUNTED_METHODS = new Set(['GET', 'HEAD', 'POST', 'OPTIONS', 'DELETE', 'PUT', 'PATCH'])

/** The registry of the app, and its HTTP series. */
async function metrics(fastify: FastifyInstance): Promise<void> {
  const series = createMetrics(fastify.appVersion)
  fastify.decorate('metrics', series)
  const counted = new WeakMap<Socket, { read: number; written: number }>()

  /** Adds the bytes of a connection since the last count, so that long-lived connections are visible. */
  function countBytes(socket: Socket): void {
    const before = counted.get(socket) ?? { read: 0, written: 0 }
    series.receivedBytes.inc(Math.max(0, socket.bytesRead - before.read))
    series.sentBytes.inc(Math.max(0, socket.bytesWritten - before.written))
    counted.set(socket, { read: socket.bytesRead, written: socket.bytesWritten })
  }

  function labels(request: FastifyRequest) {
    const method = COUNTED_METHODS.has(request.method) ? request.method : 'other'
    return { route: request.routeOptions.url ?? 'unmatched', method }
  }

  fastify.addHook('onRequest', function countStart(_request, _reply, done) {
    series.httpInFlight.inc()
    done()
  })
  fastify.onResponseClose(function countEnd(request, { raw }) {
    series.httpInFlight.dec()
    if (request.raw.socket !== null) countBytes(request.raw.socket)
    // 499 is what Nginx logs for a client that disconnected: https://nginx.org/en/docs/http/ngx_http_core_module.html
    if (!raw.writableFinished) series.httpRequests.inc({ ...labels(request), status: 499 })
  })
  fastify.addHook('onResponse', function countResponse(request, reply, done) {
    series.httpRequests.inc({ ...labels(request), status: reply.statusCode })
    series.httpDuration.observe(labels(request), reply.elapsedTime / 1000)
    done()
  })
}

export default fp(metrics, { name: 'metrics', dependencies: ['config', 'lifecycle'] })
