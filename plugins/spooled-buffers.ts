import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
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
  const { MAX_BUFFERED_BYTES: maxBytes, IMAGES_DIR } = fastify.config
  const pool = createBufferPool()
  fastify.decorate('bufferPool', pool)
  fastify.decorate('bufferSpool', createBufferSpool({ pool, maxBytes, spillFolders: [resolve(IMAGES_DIR), tmpdir()] }))
}

export default fp(spooledBuffers, { name: 'spooled-buffers', dependencies: ['config'] })
