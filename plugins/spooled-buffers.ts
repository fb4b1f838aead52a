import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { type BufferSpool, createBufferSpool } from '../services/bytes/spooled-buffer.ts'

declare module 'fastify' {
  interface FastifyInstance {
    bufferSpool: BufferSpool
  }
}

/** One bound on the images that lie in memory, whoever holds them. */
async function bufferSpool(fastify: FastifyInstance): Promise<void> {
  const { MAX_BUFFERED_BYTES, IMAGES_DIR } = fastify.config
  fastify.decorate(
    'bufferSpool',
    createBufferSpool({ maxBytes: MAX_BUFFERED_BYTES, spillFolders: [resolve(IMAGES_DIR), tmpdir()] }),
  )
}

export default fp(bufferSpool, { name: 'spooled-buffers', dependencies: ['config'] })
