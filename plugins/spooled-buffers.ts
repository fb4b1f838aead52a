import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createHeldBytes, type HeldBytes } from '../services/bytes/spooled-buffer.ts'

declare module 'fastify' {
  interface FastifyInstance {
    heldBytes: HeldBytes
  }
}

/** One bound on the pictures that lie in memory, whoever holds them. */
async function heldBytes(fastify: FastifyInstance): Promise<void> {
  const { MAX_HELD_BYTES, IMAGES_DIR } = fastify.config
  fastify.decorate(
    'heldBytes',
    createHeldBytes({ maxBytes: MAX_HELD_BYTES, spillFolders: [resolve(IMAGES_DIR), tmpdir()] }),
  )
}

export default fp(heldBytes, { name: 'held-bytes', dependencies: ['config'] })
