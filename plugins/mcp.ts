import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Catalog } from '../services/mcp/catalog.ts'
import { createDispatcher, type Dispatcher } from '../services/mcp/dispatcher.ts'
import { defaultTiming } from '../services/mcp/timeouts.ts'
import { memoize } from '../services/net/memoize.ts'
import { createCompletion } from '../services/prompts/completion.ts'
import { createPrompts } from '../services/prompts/index.ts'
import { createSavedImages } from '../services/resources/saved-images.ts'
import { imageIcon } from '../services/tools/icons.ts'
import { createInstructions } from '../services/tools/instructions.ts'

declare module 'fastify' {
  interface FastifyInstance {
    mcp: Dispatcher
  }
}

/** The protocol engine with everything that this service offers. */
async function mcp(fastify: FastifyInstance): Promise<void> {
  const { config, calls, metrics, azureImages, imageStore, library, pixels } = fastify
  const { extendCatalog = (catalog: Catalog) => catalog, timing, transport = 'http' } = fastify.appOptions
  const savedImages = createSavedImages({
    store: imageStore,
    library,
    contents: { pixels, imageLimits: config.images, maxEncodedBytes: config.images.maxResourceBytes },
  })
  const prompts = createPrompts({ hasLibrary: library !== undefined })
  const requestsOf = memoize((key) => metrics.rpcRequests.labels(...key.split(' ')))
  const { progressRepeatMs } = { ...defaultTiming, ...timing }
  fastify.decorate(
    'mcp',
    createDispatcher({
      catalog: extendCatalog({
        get tools() {
          return fastify.tools()
        },
        prompts,
        resources: savedImages,
        complete: createCompletion({
          prompts,
          models: [azureImages.deployment.model],
          images: savedImages.completion,
        }),
      }),
      serverInfo: {
        name: 'azure-image-editor-mcp',
        title: 'Azure Image Editor',
        version: fastify.appVersion,
        icons: imageIcon,
      },
      instructions: createInstructions({ transport, hasLibrary: library !== undefined, tools: fastify.tools }),
      progressRepeatMs,
      runCall: calls.run,
      onCancelled: calls.suspect,
      onFinished: (method, outcome) => requestsOf(`${method} ${outcome}`).inc(),
    }),
  )
}

export default fp(mcp, {
  name: 'mcp',
  dependencies: ['calls', 'metrics', 'azure-images', 'library', 'tools', 'imaging'],
})
