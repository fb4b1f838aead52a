import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createServerSecret, type ServerSecret } from '../services/auth/server-secret.ts'

declare module 'fastify' {
  interface FastifyInstance {
    serverSecret: ServerSecret
  }
}

/** Decorates `serverSecret`, from which the keys of links and uploads are derived. */
async function serverSecret(fastify: FastifyInstance): Promise<void> {
  const { secret } = fastify.config.server
  if (secret === undefined && fastify.appOptions.transport !== 'stdio') {
    fastify.log.info('SERVER_SECRET is not set: links to images end with this process')
  }
  fastify.decorate('serverSecret', createServerSecret(secret?.reveal()))
}

export default fp(serverSecret, { name: 'server-secret', dependencies: ['config'] })
