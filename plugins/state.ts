import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { openStateDatabase } from '../services/calls/state-database.ts'
import type { StateDatabase } from '../services/databases/state-database.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Jobs, ledger, receipts and confirmations; undefined where the library is off. */
    stateDatabase: StateDatabase | undefined
  }
}

/** Decorates `stateDatabase`. */
async function state(fastify: FastifyInstance): Promise<void> {
  const { config, library, log } = fastify
  if (library === undefined) {
    fastify.decorate('stateDatabase', undefined)
    return
  }
  const database = await openStateDatabase(config.library, log)
  fastify.addHook('onClose', () => database[Symbol.asyncDispose]())
  fastify.decorate('stateDatabase', database)
}

export default fp(state, { name: 'state', dependencies: ['config', 'logger', 'library'] })
