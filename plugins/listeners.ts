import { createServer as createHttpServer, type IncomingMessage } from 'node:http'
import { createServer } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { INVALID_REQUEST } from '../services/mcp/protocol-error.ts'
import { LOOPBACKS, listenAt, portOf } from '../services/net/listen.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Listens at all configured addresses and ports. @throws PortInUseError */
    listenEverywhere(): Promise<void>
  }
}

/** Connections to `ADMIN_PORT`: a few probes and scrapes. */
const MAX_ADMIN_CONNECTIONS = 100

/** Where the service listens: its port, for `localhost` on both loopback addresses, and `ADMIN_PORT`. A worker serves probes only. */
async function listeners(fastify: FastifyInstance): Promise<void> {
  const { config, server, log, appOptions } = fastify
  const isWorker = appOptions.isWorker === true
  const { host, port, adminPort, maxConnections, keepAliveTimeoutMs: keepAliveTimeout } = config.server
  const [address = host, twinAddress] = host === 'localhost' ? LOOPBACKS : [host]

  // Its connections are the server's, so that the same limits apply to them.
  const twin = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => server.emit('connection', socket))
  const admin = createHttpServer({ keepAliveTimeout }, (request, response) => {
    adminRequests.add(request)
    fastify.routing(request, response)
  })
  admin.maxConnections = MAX_ADMIN_CONNECTIONS
  const adminRequests = new WeakSet<IncomingMessage>()
  fastify.addHook('onRequest', function serveProbesOnly({ raw, routeOptions }, reply, done) {
    if (!(isWorker || adminRequests.has(raw)) || routeOptions.config.isRoutine === true) {
      done()
      return
    }
    const error = { code: INVALID_REQUEST, message: 'Not found. This port serves /health, /ready and /metrics.' }
    reply.code(404).send({ jsonrpc: '2.0', id: null, error })
  })

  async function listenElsewhere(): Promise<void> {
    if (twinAddress !== undefined) {
      const url = await listenAt(twin, { host: twinAddress, port: portOf(server), variable: 'MCP_SERVER_PORT' })
      if (url !== undefined) log.info(`Server listening at ${url}`)
    }
    if (adminPort !== undefined) {
      const url = await listenAt(admin, { host: address, port: adminPort, variable: 'ADMIN_PORT' })
      log.info({ address: url }, 'health, readiness and metrics are served here as well')
    }
  }
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  // Who listens otherwise than by `listenEverywhere` finds the failure in the log.
  promise.catch((err: unknown) => log.fatal({ err }, 'listening failed'))
  fastify.addHook('onListen', async () => listenElsewhere().then(resolve, reject))

  fastify.decorate('listenEverywhere', async () => {
    // With a shorter queue the system drops connections under load, and a probe waits seconds until it tries again.
    await fastify.listen({ host: address, port, backlog: maxConnections })
    await promise
  })
  // After the drain, during which probes still get responses.
  fastify.addHook('preClose', async () => void twin.close())
  fastify.addHook('onClose', async () => {
    admin.close()
    admin.closeAllConnections()
  })
}

export default fp(listeners, {
  name: 'listeners',
  dependencies: ['config', 'graceful-shutdown', 'logger'],
})
