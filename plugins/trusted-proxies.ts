import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { TrustedProxies } from '../services/net/trusted-proxies.ts'

declare module 'fastify' {
  interface FastifyInstance {
    trustedProxies: TrustedProxies
  }
}

/** Which neighbours may say whom they speak for. */
async function trustedProxies(fastify: FastifyInstance): Promise<void> {
  fastify.decorate('trustedProxies', fastify.config.server.trustedProxies)
  // Node remembers an address that was asked for once. One that the system does not know any more belongs to a client that
  // reset the connection before it was accepted: nobody would receive what its request costs, and nobody is its caller.
  fastify.server.on('connection', (socket) => {
    if (socket.remoteAddress === undefined) socket.destroy()
  })
}

export default fp(trustedProxies, { name: 'trusted-proxies', dependencies: ['config'] })
