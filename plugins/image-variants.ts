import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createImageVariants, type ImageVariants } from '../services/library/image-variants.ts'

declare module 'fastify' {
  interface FastifyInstance {
    imageVariants: ImageVariants
  }
}

/** Decorates `imageVariants`: links and the studio share its memory. */
async function imageVariants(fastify: FastifyInstance): Promise<void> {
  const { config, pixels } = fastify
  fastify.decorate('imageVariants', createImageVariants({ limits: config.images, pixels }))
}

export default fp(imageVariants, { name: 'image-variants', dependencies: ['config', 'imaging'] })
