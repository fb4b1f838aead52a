import { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createConnectionLimits } from '../services/limits/connection-limits.ts'
import { connectionsWithinDescriptors } from '../services/limits/descriptor-limit.ts'
import { watchReaders } from '../services/limits/slow-readers.ts'
import { defaultTiming } from '../services/mcp/timeouts.ts'
import { serveHalfClosed } from '../services/net/half-close.ts'

/** Part of the limit by which a burst may exceed it, until the connections that give way are closed. */
const BURST = 1 / 8
/** Milliseconds between two warnings. */
const WARN_EVERY_MS = 60_000

/** Limits connections and how they may be used: half-sent requests, half-closed clients, readers that hardly read. */
async function connections(fastify: FastifyInstance): Promise<void> {
  const { config, metrics, server, log } = fastify
  const { readerLagMs } = { ...defaultTiming, ...fastify.appOptions.timing }
  const max = connectionsWithinDescriptors(config.server.maxConnections, log)
  const limits = createConnectionLimits({
    max,
    maxPerAddress: config.server.maxConnectionsPerAddress,
    isShared: config.server.trustedProxies.has,
    onClosed: reportClosed(fastify),
  })
  const readers = watchReaders({
    maxLagMs: readerLagMs,
    onTooSlow(socket) {
      metrics.rejections.inc({ reason: 'slow_reader' })
      socket.destroy()
    },
  })
  fastify.addHook('onClose', async () => readers.close())

  server.maxConnections = Math.ceil(max * (1 + BURST))
  server.on('drop', () => metrics.rejections.inc({ reason: 'connections' }))
  serveHalfClosed(server)
  server.on('connection', (socket) => {
    // Without an address the client reset the connection before it was accepted. Its request would be executed for no one.
    // Node caches the address when it is read first, so that it stays known after a later reset.
    if (socket.remoteAddress === undefined) {
      socket.destroy()
      return
    }
    limits.add(socket)
    readers.add(socket)
  })
  server.on('request', ({ socket }, response) => {
    if (socket instanceof Socket) response.once('close', limits.begin(socket))
  })
}

function reportClosed({ metrics, log }: FastifyInstance): (address: string | undefined) => void {
  let warnedAt = Number.NEGATIVE_INFINITY
  return function onClosed(address) {
    metrics.rejections.inc({ reason: 'connections' })
    if (performance.now() - warnedAt < WARN_EVERY_MS) return
    warnedAt = performance.now()
    if (address === undefined) log.warn({}, 'MAX_CONNECTIONS reached, connections without a request are closed')
    else log.warn({ address }, 'MAX_CONNECTIONS_PER_ADDRESS reached; if it is a proxy, add it to TRUST_PROXY')
  }
}

export default fp(connections, { name: 'connections', dependencies: ['config', 'logger', 'metrics'] })
