import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Catalog } from '../services/mcp/catalog.ts'
import { createTasks } from '../services/mcp/tasks.ts'
import { createCompletion } from '../services/prompts/completion.ts'
import { createPrompts } from '../services/prompts/index.ts'
import { createImageWatch } from '../services/resources/image-watch.ts'
import { createSavedImages } from '../services/resources/saved-images.ts'

declare module 'fastify' {
  interface FastifyInstance {
    catalog: Catalog
  }
}

/** Everything that clients of MCP are offered. */
async function catalog(fastify: FastifyInstance): Promise<void> {
  const { config, azureImages, imageStore, library, imageEvents, pixels, jobs, libraryResults, studio } = fastify
  const apps = studio && [studio.app]
  const { extendCatalog = (own: Catalog) => own } = fastify.appOptions
  const savedImages = createSavedImages({
    store: imageStore,
    library,
    contents: { pixels, imageLimits: config.images, maxEncodedBytes: config.images.maxResourceBytes },
    // Without records no one tells when an image changes.
    watch: library && createImageWatch(imageEvents),
  })
  const prompts = createPrompts({ hasLibrary: library !== undefined })
  fastify.decorate(
    'catalog',
    extendCatalog({
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
      tasks: jobs && libraryResults && createTasks({ jobs, libraryResults, ...(apps && { apps }) }),
      ...(apps && { apps }),
    }),
  )
}

export default fp(catalog, {
  name: 'catalog',
  dependencies: [
    'config',
    'azure-images',
    'library',
    'tools',
    'imaging',
    'jobs',
    'library-results',
    'image-events',
    'studio',
  ],
})
