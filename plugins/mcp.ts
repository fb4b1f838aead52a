import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Catalog } from '../services/mcp/catalog.ts'
import { createDispatcher, type Dispatcher } from '../services/mcp/dispatcher.ts'
import { defaultTiming } from '../services/mcp/timeouts.ts'
import { createCompletion } from '../services/prompts/completion.ts'
import { prompts } from '../services/prompts/index.ts'
import { createSavedImages, IMAGE_VARIABLE, imageTemplate } from '../services/resources/saved-images.ts'
import { imageIcon } from '../services/tools/icons.ts'
import { serverInstructions } from '../services/tools/instructions.ts'

declare module 'fastify' {
  interface FastifyInstance {
    mcp: Dispatcher
  }
}

/** The protocol engine, fed with what this service offers. */
async function mcp(fastify: FastifyInstance): Promise<void> {
  const { config, metrics, azureImages, imageStore } = fastify
  const { extendCatalog = (catalog: Catalog) => catalog, timing, transport = 'http' } = fastify.appOptions
  const { progressRepeatMs } = { ...defaultTiming, ...timing }
  fastify.decorate(
    'mcp',
    createDispatcher({
      catalog: extendCatalog({
        tools: fastify.tools,
        prompts,
        resources: createSavedImages(imageStore),
        complete: createCompletion({
          models: [azureImages.deployment.model],
          images: {
            uriTemplate: imageTemplate.uriTemplate,
            variable: IMAGE_VARIABLE,
            names: async () => (await imageStore.list()).images.map(({ name }) => name),
          },
        }),
      }),
      serverInfo: {
        name: 'azure-image-editor-mcp',
        title: 'Azure Image Editor',
        version: fastify.appVersion,
        icons: imageIcon,
      },
      instructions: serverInstructions(transport),
      callDeadlineMs: config.limits.callDeadlineMs,
      progressRepeatMs,
      guardCall: fastify.admission.guard,
      onCancelled: fastify.abandonedResults.suspect,
      observer: {
        requestFinished: (method, outcome) => metrics.rpcRequests.inc({ method, outcome }),
        toolStarted: () => metrics.toolsInFlight.inc(),
        toolFinished: (tool, outcome, seconds) => {
          metrics.toolsInFlight.dec()
          metrics.toolCalls.inc({ tool, outcome })
          metrics.toolDuration.observe({ tool }, seconds)
        },
      },
    }),
  )
}

export default fp(mcp, {
  name: 'mcp',
  dependencies: ['calls', 'config', 'metrics', 'azure-images', 'library', 'tools'],
})
