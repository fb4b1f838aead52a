import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { CallsOptions } from '../services/calls/chain.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Undefined: other replicas do not run, or cannot read the images of this one. */
    replicas: CallsOptions['replicas']
  }
}

/** Decorates `replicas`: a retry at one replica joins or receives what a client abandoned at another one. */
async function replicas(fastify: FastifyInstance): Promise<void> {
  const { config, log, redis, libraryResults } = fastify
  const { isFolderShared, storage } = config.library
  const isLibraryShared = storage !== undefined && libraryResults !== undefined
  if (redis === undefined || !(isFolderShared || isLibraryShared)) {
    if (redis !== undefined) log.warn({}, NOT_SHARED)
    fastify.decorate('replicas', undefined)
    return
  }
  // The package for Redis is loaded only where there is one.
  const { createRunningCalls } = await import('../services/calls/running-calls.ts')
  const runningCalls = createRunningCalls(redis)
  fastify.addHook('onClose', () => runningCalls.close())
  if (isFolderShared || libraryResults === undefined) {
    fastify.decorate('replicas', { runningCalls })
    return
  }
  const { createResultShelf } = await import('../services/calls/result-shelf.ts')
  const shelf = createResultShelf(redis)
  fastify.addHook('onClose', async () => shelf.close())
  fastify.decorate('replicas', { runningCalls, shared: { shelf, libraryResults } })
}

const NOT_SHARED =
  'replicas do not share abandoned results, so that a retry at another replica is paid for again: give all of them one ' +
  'IMAGES_DIR with IMAGES_SHARED=true, or set AZURE_STORAGE_URL'

export default fp(replicas, { name: 'replicas', dependencies: ['config', 'logger', 'redis', 'library-results'] })
