import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Catalog } from '../services/mcp/catalog.ts'
import { createDispatcher, type Dispatcher } from '../services/mcp/dispatcher.ts'

declare module 'fastify' {
  interface FastifyInstance {
    mcp: Dispatcher
  }
}

/** Milliseconds between progress notifications; some clients give up after 25 s of silence. */
const PROGRESS_REPEAT_MS = 15_000

/** The protocol engine, fed with what this service offers. */
async function mcp(fastify: FastifyInstance): Promise<void> {
  const { config, metrics } = fastify
  const { extendCatalog = (catalog: Catalog) => catalog } = fastify.appOptions
  fastify.decorate(
    'mcp',
    createDispatcher({
      catalog: extendCatalog({ tools: [] }),
      serverInfo: { name: 'azure-image-editor-mcp', title: 'Azure Image Editor', version: fastify.appVersion },
      instructions: 'Generates and edits pictures with the image models of Azure AI Foundry.',
      callDeadlineMs: config.CALL_DEADLINE_MS,
      progressRepeatMs: PROGRESS_REPEAT_MS,
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

export default fp(mcp, { name: 'mcp', dependencies: ['config', 'metrics'] })
