import { tmpdir } from 'node:os'
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
  const { images, library } = fastify.config
  fastify.decorate(
    'bufferSpool',
    createBufferSpool({ maxBytes: images.maxBufferedBytes, spillFolders: [library.folder, tmpdir()] }),
  )
}

export default fp(bufferSpool, { name: 'spooled-buffers', dependencies: ['config'] })
