import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { ImageStore } from '../services/library/image-store.ts'
import { openLocalImageStore } from '../services/library/local/local-image-store.ts'

declare module 'fastify' {
  interface FastifyInstance {
    imageStore: ImageStore
  }
}

/** Decorates `imageStore`, the store of saved images. An unwritable store does not stop the service. */
async function library(fastify: FastifyInstance): Promise<void> {
  const { folder } = fastify.config.library
  const store = await openLocalImageStore({ folder, pool: fastify.bufferPool }, fastify.log)
  fastify.decorate('imageStore', store)
  fastify.readiness.add('images', async () => {
    const { isWritable, isFull } = await store.health()
    return { ready: true, state: isFull ? 'full' : isWritable ? 'writable' : 'unwritable' }
  })
}

export default fp(library, { name: 'library', dependencies: ['config', 'logger', 'readiness', 'spooled-buffers'] })
