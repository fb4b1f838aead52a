import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createIdempotencyKeys } from '../services/calls/idempotency-keys.ts'
import { createOnce, type Once } from '../services/calls/once.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Undefined: there is no library, to which the results of idempotency keys refer. */
    once: Once | undefined
  }
}

/** Decorates `once`: calls that are made once per idempotency key, whichever processes share the state database. */
async function idempotency(fastify: FastifyInstance): Promise<void> {
  const { stateDatabase: database, libraryResults, redis, log } = fastify
  if (database === undefined || libraryResults === undefined) {
    fastify.decorate('once', undefined)
    return
  }
  const keys = createIdempotencyKeys({ database, runner: randomUUID() })
  const once = createOnce({ keys, libraryResults, redis, log })
  fastify.addHook('onClose', async () => once.close())
  fastify.decorate('once', once)
}

export default fp(idempotency, { name: 'idempotency', dependencies: ['logger', 'redis', 'state', 'library-results'] })
