import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { callOutcomes } from '../services/calls/measure.ts'
import type { Tool } from '../services/calls/types.ts'
import { openTemporaryStore } from '../services/library/local/temporary-store.ts'
import { createImageInputs } from '../services/tools/image-inputs.ts'
import { createImageResults } from '../services/tools/image-results.ts'
import { createToolList } from '../services/tools/index.ts'
import { createStoredInputs } from '../services/tools/stored-inputs.ts'

declare module 'fastify' {
  interface FastifyInstance {
    tools: () => readonly Tool[]
  }
}

/** The tools that clients can call now. */
async function tools(fastify: FastifyInstance): Promise<void> {
  const { config, metrics, azureImages, imageStore, library, bufferPool, pixels } = fastify
  const { transport } = fastify.appOptions
  fastify.decorate(
    'tools',
    createToolList({
      azure: azureImages,
      store: imageStore,
      defaultSize: config.images.defaultSize,
      defaultEditMaxPixels: config.images.defaultEditMaxPixels,
      inputs: createImageInputs({
        pixels,
        limits: config.images,
        readsLocalFiles: transport === 'stdio',
        stored:
          library &&
          createStoredInputs({ library, store: imageStore, pool: bufferPool, maxBytes: config.images.maxBytes }),
      }),
      results: createImageResults({
        store: imageStore,
        library,
        openReserve: transport === 'stdio' ? openTemporaryStore : undefined,
        pixels,
        imageLimits: config.images,
        maxInlineBytes: config.images.maxInlineBytes,
        reportCost: config.images.reportCost,
        onSaved: () => metrics.imagesSaved.inc(),
        onNotSaved: () => metrics.imagesNotSaved.inc(),
      }),
    }),
  )
  for (const { name: tool } of fastify.tools()) {
    for (const outcome of callOutcomes) metrics.toolCalls.inc({ tool, outcome }, 0)
    metrics.toolDuration.zero({ tool })
  }
}

export default fp(tools, { name: 'tools', dependencies: ['config', 'metrics', 'azure-images', 'library', 'imaging'] })
