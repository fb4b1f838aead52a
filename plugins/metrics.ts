import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { memoize } from '../services/net/memoize.ts'
import { namedMethods } from '../services/telemetry/http-methods.ts'
import { createMetrics, type Metrics } from '../services/telemetry/metrics.ts'

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Metrics
  }
}

/** The registry of the app, and its HTTP series. */
async function metrics(fastify: FastifyInstance): Promise<void> {
  const series = createMetrics(fastify.appVersion, fastify.tracing.isOn)
  fastify.decorate('metrics', series)
  const counted = new WeakMap<Socket, { read: number; written: number }>()

  /** Adds the bytes of a connection since the last count, so that long-lived connections are visible. */
  function countBytes(socket: Socket): void {
    const before = counted.get(socket) ?? { read: 0, written: 0 }
    series.receivedBytes.inc(Math.max(0, socket.bytesRead - before.read))
    series.sentBytes.inc(Math.max(0, socket.bytesWritten - before.written))
    counted.set(socket, { read: socket.bytesRead, written: socket.bytesWritten })
  }

  /** The series of a route and method, which would otherwise be looked up by their labels for every request. */
  const seriesOf = memoize((key) => {
    const [method = '', route = ''] = key.split(' ')
    const requests = memoize((status) => series.httpRequests.labels({ route, method, status }))
    return { labels: { route, method }, requests }
  })
  function ofRequest({ method, routeOptions }: FastifyRequest) {
    return seriesOf(`${namedMethods.has(method) ? method : 'other'} ${routeOptions.url ?? 'unmatched'}`)
  }

  fastify.addHook('onRequest', function countStart(_request, _reply, done) {
    series.httpInFlight.inc()
    done()
  })
  fastify.onResponseClose(function countEnd(request, { raw }) {
    series.httpInFlight.dec()
    if (request.raw.socket !== null) countBytes(request.raw.socket)
    // 499 is what Nginx logs for a client that disconnected: https://nginx.org/en/docs/http/ngx_http_core_module.html
    if (!raw.writableFinished) ofRequest(request).requests('499').inc()
  })
  fastify.addHook('onResponse', function countResponse(request, reply, done) {
    const { requests, labels } = ofRequest(request)
    requests(String(reply.statusCode)).inc()
    series.httpDuration.observe(labels, reply.elapsedTime / 1000, request.span?.trace.sampledId)
    done()
  })
}

export default fp(metrics, { name: 'metrics', dependencies: ['config', 'lifecycle', 'tracing'] })
