import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { TEMPORARY_STALE_MS } from '../services/bytes/durable-file.ts'
import { cachePromise } from '../services/library/cached-promise.ts'
import type { ImageStore } from '../services/library/image-store.ts'
import { createLocalImageStore } from '../services/library/local/local-image-store.ts'

declare module 'fastify' {
  interface FastifyInstance {
    imageStore: ImageStore
  }
}

/** The check writes to the disk, and anybody may ask for readiness. */
const CHECK_EVERY_MS = 5_000

/** The folder for saved images. One that cannot be written is said, and does not stop the service. */
async function imageStore(fastify: FastifyInstance): Promise<void> {
  const { config, log, readiness } = fastify
  const { folder } = config.library
  const store = createLocalImageStore({ folder, pool: fastify.bufferPool })
  fastify.decorate('imageStore', store)
  const check = cachePromise(() => store.check(), CHECK_EVERY_MS)
  readiness.add('images', async () => {
    const { isWritable } = await check()
    return { ready: true, state: isWritable ? 'writable' : 'unwritable' }
  })

  const { isWritable, reason } = await check()
  if (isWritable) {
    const removed = await store.removeStale(TEMPORARY_STALE_MS)
    if (removed > 0) log.info({ removed }, 'temporary files of an earlier run were removed')
  } else {
    log.warn(
      { IMAGES_DIR: folder, reason },
      'images folder is not writable, images are returned but not saved; for the container: sudo chown 1000:1000 images logs',
    )
  }
}

export default fp(imageStore, { name: 'library', dependencies: ['config', 'logger', 'readiness', 'spooled-buffers'] })
