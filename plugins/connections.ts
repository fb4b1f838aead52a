import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/** The number of connections, and those that end before they are accepted. */
async function connections(fastify: FastifyInstance): Promise<void> {
  const { config, metrics, server } = fastify
  server.maxConnections = config.server.maxConnections
  server.on('drop', () => {
    metrics.rejections.inc({ reason: 'connections' })
    // Idle connections give way to clients that send requests, probes among them.
    server.closeIdleConnections()
  })
  // Without an address the client reset the connection before it was accepted. Its request would be executed for no one.
  // Node caches the address when it is read first, so that it stays known after a later reset.
  server.on('connection', (socket) => {
    if (socket.remoteAddress === undefined) socket.destroy()
  })
}

export default fp(connections, { name: 'connections', dependencies: ['config', 'metrics'] })
