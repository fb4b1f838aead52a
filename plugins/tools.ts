import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createPixelWork } from '../services/imaging/pixel-work.ts'
import { parseSize } from '../services/imaging/size.ts'
import type { Tool } from '../services/mcp/catalog.ts'
import { createImageInputs } from '../services/tools/image-inputs.ts'
import { createImageResults } from '../services/tools/image-results.ts'
import { createTools } from '../services/tools/index.ts'

declare module 'fastify' {
  interface FastifyInstance {
    tools: readonly Tool[]
  }
}

/** The tools that clients can call. */
async function tools(fastify: FastifyInstance): Promise<void> {
  const { config, metrics, azureImages, imageStore } = fastify
  const pixels = createPixelWork({ maxDecodedBytes: config.MAX_DECODED_BYTES })
  const imageLimits = { maxPixels: config.MAX_IMAGE_PIXELS, maxEdge: config.MAX_IMAGE_EDGE }
  fastify.decorate(
    'tools',
    createTools({
      azure: azureImages,
      store: imageStore,
      defaultSize: parseSize(config.DEFAULT_IMAGE_SIZE),
      inputs: createImageInputs(pixels, {
        ...imageLimits,
        maxBytes: config.MAX_IMAGE_BYTES,
        readsLocalFiles: fastify.appOptions.transport === 'stdio',
      }),
      results: createImageResults({
        store: imageStore,
        pixels,
        imageLimits,
        maxInlineBytes: config.INLINE_IMAGE_MAX_BYTES,
        reportCost: config.REPORT_COST,
        onSaved: () => metrics.imagesSaved.inc(),
        onNotSaved: () => metrics.imagesNotSaved.inc(),
      }),
    }),
  )
}

export default fp(tools, { name: 'tools', dependencies: ['config', 'metrics', 'azure-images', 'library'] })
