import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createPixelWork, type PixelWork } from '../services/imaging/pixel-work.ts'

declare module 'fastify' {
  interface FastifyInstance {
    pixels: PixelWork
  }
}

/** Decorates `pixels`: all conversions, masks and previews share its memory. */
async function imaging(fastify: FastifyInstance): Promise<void> {
  fastify.decorate('pixels', createPixelWork({ maxDecodedBytes: fastify.config.images.maxDecodedBytes }))
}

export default fp(imaging, { name: 'imaging', dependencies: ['config'] })
