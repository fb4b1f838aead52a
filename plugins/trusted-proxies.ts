import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { parseTrustedProxies, type TrustedProxies } from '../services/trusted-proxies.ts'

declare module 'fastify' {
  interface FastifyInstance {
    trustedProxies: TrustedProxies
  }
}

/** Which neighbours may say whom they speak for. */
async function trustedProxies(fastify: FastifyInstance): Promise<void> {
  fastify.decorate('trustedProxies', parseTrustedProxies(fastify.config.TRUST_PROXY))
}

export default fp(trustedProxies, { name: 'trusted-proxies', dependencies: ['config'] })
