import { tmpdir } from 'node:os'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { type BufferPool, createBufferPool } from '../services/bytes/buffer-pool.ts'
import { type BufferSpool, createBufferSpool } from '../services/bytes/spooled-buffer.ts'

declare module 'fastify' {
  interface FastifyInstance {
    bufferPool: BufferPool
    bufferSpool: BufferSpool
  }
}

/** The reused memory of request bodies and images, and the one bound on images in memory. */
async function spooledBuffers(fastify: FastifyInstance): Promise<void> {
  const { images, library } = fastify.config
  const pool = createBufferPool()
  fastify.decorate('bufferPool', pool)
  const spool = createBufferSpool({
    pool,
    maxBytes: images.maxBufferedBytes,
    spillFolders: [library.folder, tmpdir()],
  })
  fastify.decorate('bufferSpool', spool)
  fastify.metrics.setBufferedBytes(() => spool.used)
  fastify.metrics.setSpilledImages(() => spool.spilled)
  fastify.readiness.add('buffers', () =>
    spool.spilled === 0 || images.maxBufferedBytes === 0
      ? { ready: true, state: 'in memory' }
      : { ready: true, state: 'in temporary files', faults: ['IMG_ERR_BUFFERS_FULL'] },
  )
}

export default fp(spooledBuffers, { name: 'spooled-buffers', dependencies: ['config', 'metrics', 'readiness'] })
