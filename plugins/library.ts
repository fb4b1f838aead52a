import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { loadDefaultTokenSource } from '../services/azure/token-source.ts'
import { describeHealth, type ImageStore } from '../services/library/image-store.ts'
import { createLibrary, type Library } from '../services/library/library.ts'
import { openMaintainedIndex } from '../services/library/maintenance/maintained-index.ts'
import { openStore } from '../services/library/open-store.ts'

declare module 'fastify' {
  interface FastifyInstance {
    imageStore: ImageStore
    /** Undefined: it is turned off, or nothing can be written. */
    library: Library | undefined
  }
}

/** Decorates `imageStore`, the store of saved images, and `library`. An unwritable store does not stop the service. */
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
  fastify.decorate('library', await openLibrary(fastify, store))
  fastify.readiness.add('images', async () => {
    const { fault, ...health } = await store.health()
    return { ready: true, state: describeHealth(health), faults: fault && [fault] }
  })
  fastify.readiness.add('library', async () => ({ ready: true, state: fastify.library === undefined ? 'off' : 'on' }))
}

async function openLibrary(fastify: FastifyInstance, store: ImageStore): Promise<Library | undefined> {
  const { config, log, metrics, imageEvents } = fastify
  const { isOn, waitMs, storage } = config.library
  // Without waiting for a restart, a container becomes writable when an outage ends or a new role takes effect.
  if (!isOn || (storage === undefined && !(await store.health()).isWritable)) return undefined
  const index = await openMaintainedIndex({
    library: config.library,
    files: store.files,
    onBytes: (bytes) => metrics.libraryBytes.set(bytes),
    onRemoved: (record) => imageEvents.report(record, true),
    log,
  })
  fastify.addHook('onClose', () => index[Symbol.asyncDispose]())
  const library = createLibrary({
    store,
    index,
    completeUntil: index.completeUntil,
    waitMs,
    maxReadBytes: MAX_READ_BYTES,
    events: imageEvents,
    log,
  })
  fastify.addHook('onClose', async () => library[Symbol.dispose]())
  return library
}

/** As for saved images. */
const MAX_READ_BYTES = 67_108_864

export default fp(library, {
  name: 'library',
  dependencies: ['config', 'logger', 'metrics', 'readiness', 'spooled-buffers', 'image-events'],
})
