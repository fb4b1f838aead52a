import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Tool } from '../services/calls/types.ts'
import { createImageConverter } from '../services/imaging/convert.ts'
import { createPixelWork } from '../services/imaging/pixel-work.ts'
import { createTools } from '../services/tools/index.ts'
import { parseSize } from '../services/tools/size.ts'

declare module 'fastify' {
  interface FastifyInstance {
    tools: readonly Tool[]
  }
}

/** The tools that clients may call. */
async function tools(fastify: FastifyInstance): Promise<void> {
  const { config, metrics, azureImages, imageStore } = fastify
  const pixels = createPixelWork({ maxDecodedBytes: config.MAX_DECODED_BYTES })
  fastify.decorate(
    'tools',
    createTools({
      azure: azureImages,
      store: imageStore,
      converter: createImageConverter(pixels),
      pixels,
      defaultSize: parseSize(config.DEFAULT_IMAGE_SIZE),
      maxImageBytes: config.MAX_IMAGE_BYTES,
      imageLimits: { maxPixels: config.MAX_IMAGE_PIXELS, maxEdge: config.MAX_IMAGE_EDGE },
      readsLocalFiles: fastify.appOptions.transport === 'stdio',
      maxInlineBytes: config.INLINE_IMAGE_MAX_BYTES,
      reportCost: config.REPORT_COST,
      onSaved: () => metrics.imagesSaved.inc(),
      onNotSaved: () => metrics.imagesNotSaved.inc(),
    }),
  )
}

export default fp(tools, { name: 'tools', dependencies: ['config', 'metrics', 'azure-images', 'library'] })
