import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { callOutcomes } from '../services/calls/measure.ts'
import type { Tool } from '../services/calls/types.ts'
import { openTemporaryStore } from '../services/library/local/temporary-store.ts'
import { createToolList } from '../services/tools/index.ts'

declare module 'fastify' {
  interface FastifyInstance {
    tools: () => readonly Tool[]
  }
}

/** The tools that clients can call now. */
async function tools(fastify: FastifyInstance): Promise<void> {
  const { config, metrics, azureImages, imageStore, library, links, uploads, bufferPool, pixels } = fastify
  const isLocal = fastify.appOptions.transport === 'stdio'
  fastify.decorate(
    'tools',
    createToolList({
      azure: azureImages,
      store: imageStore,
      library,
      links,
      uploads,
      pool: bufferPool,
      pixels,
      budget: fastify.inputBudget,
      images: config.images,
      readsLocalFiles: isLocal,
      delivery: config.library.delivery,
      names: config.library.tools,
      localFolder: isLocal && config.library.storage === undefined ? config.library.folder : undefined,
      openReserve: isLocal ? openTemporaryStore : undefined,
      onSaved: () => metrics.imagesSaved.inc(),
      onNotSaved: () => metrics.imagesNotSaved.inc(),
      onCredentials: (state) => metrics.contentCredentials.inc({ state }),
    }),
  )
  for (const { name: tool } of fastify.tools()) {
    for (const outcome of callOutcomes) metrics.toolCalls.inc({ tool, outcome }, 0)
    metrics.toolDuration.zero({ tool })
  }
}

export default fp(tools, {
  name: 'tools',
  dependencies: [
    'config',
    'metrics',
    'azure-images',
    'library',
    'links',
    'uploads',
    'imaging',
    'spooled-buffers',
    'input-budget',
  ],
})
