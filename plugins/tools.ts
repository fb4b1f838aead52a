import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { callOutcomes, countedTools } from '../services/calls/measure.ts'
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
  const { config, metrics, azureImages, imageStore, library, links, uploads, bufferPool, bufferSpool, pixels } = fastify
  const isLocal = fastify.appOptions.transport === 'stdio'
  fastify.decorate(
    'tools',
    createToolList({
      azure: azureImages,
      store: imageStore,
      library,
      links,
      uploads,
      jobs: fastify.jobs,
      libraryResults: fastify.libraryResults,
      pool: bufferPool,
      spool: bufferSpool,
      pixels,
      budget: fastify.inputBudget,
      images: config.images,
      readsLocalFiles: isLocal,
      delivery: config.library.delivery,
      names: config.library.tools,
      version: fastify.appVersion,
      studio: fastify.studio,
      policyFeatures: fastify.policy?.features,
      localFolder: isLocal && config.library.storage === undefined ? config.library.folder : undefined,
      openReserve: isLocal ? openTemporaryStore : undefined,
      onSaved: () => metrics.imagesSaved.inc(),
      onNotSaved: (code) => metrics.imagesNotSaved.inc({ code }),
      onCredentials: (state) => metrics.contentCredentials.inc({ state }),
    }),
  )
  for (const { tool, door } of countedTools(fastify.tools(), { isLocal, hasOpenAiApi: config.server.hasOpenAiApi })) {
    // In the order of the counter's labels, in which the series is then printed.
    for (const outcome of callOutcomes) metrics.toolCalls.inc({ tool, outcome, door }, 0)
    metrics.toolDuration.zero({ tool, door })
  }
}

export default fp(tools, {
  name: 'tools',
  dependencies: [
    'azure-images',
    'library-results',
    'uploads',
    'jobs',
    'policy',
    'studio',
    'spooled-buffers',
    'input-budget',
  ],
})
