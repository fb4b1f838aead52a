import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createImageConverter } from '../services/imaging/convert.ts'
import { createPixelWork } from '../services/imaging/pixel-work.ts'
import type { Tool } from '../services/mcp/catalog.ts'
import { createTools } from '../services/tools/index.ts'

declare module 'fastify' {
  interface FastifyInstance {
    tools: readonly Tool[]
  }
}

/** What callers can have done. */
async function tools(fastify: FastifyInstance): Promise<void> {
  const { config, metrics, azureImages, imageStore } = fastify
  const pixels = createPixelWork({ maxDecodedBytes: config.images.maxDecodedBytes })
  fastify.decorate(
    'tools',
    createTools({
      azure: azureImages,
      store: imageStore,
      converter: createImageConverter(pixels),
      pixels,
      defaultSize: config.images.defaultSize,
      maxImageBytes: config.images.maxBytes,
      imageLimits: config.images,
      readsLocalFiles: fastify.appOptions.transport === 'stdio',
      maxInlineBytes: config.images.maxInlineBytes,
      reportCost: config.images.reportCost,
      onSaved: () => metrics.imagesSaved.inc(),
      onNotSaved: () => metrics.imagesNotSaved.inc(),
    }),
  )
}

export default fp(tools, { name: 'tools', dependencies: ['config', 'metrics', 'azure-images', 'library'] })
