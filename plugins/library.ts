import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { loadDefaultTokenSource } from '../services/azure/token-source.ts'
import type { ImageStore } from '../services/library/image-store.ts'
import { openStore } from '../services/library/open-store.ts'

declare module 'fastify' {
  interface FastifyInstance {
    imageStore: ImageStore
  }
}

/** Decorates `imageStore`, the store of saved images. An unwritable store does not stop the service. */
async function library(fastify: FastifyInstance): Promise<void> {
  const { config, bufferPool: pool, log } = fastify
  const { store, close } = await openStore({
    library: config.library,
    pool,
    connections: config.outbound,
    loadTokens: loadDefaultTokenSource,
    log,
  })
  fastify.addHook('onClose', close)
  fastify.decorate('imageStore', store)
  fastify.readiness.add('images', async () => {
    const { isWritable, isFull } = await store.health()
    return { ready: true, state: isFull ? 'full' : isWritable ? 'writable' : 'unwritable' }
  })
}

export default fp(library, { name: 'library', dependencies: ['config', 'logger', 'readiness', 'spooled-buffers'] })
