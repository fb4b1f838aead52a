import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createDispatcher, type Dispatcher } from '../services/mcp/dispatcher.ts'
import { handOverRule } from '../services/mcp/hand-over.ts'
import { createRequestStates } from '../services/mcp/request-states.ts'
import { knownMethods } from '../services/mcp/revisions.ts'
import { serverInfoOf } from '../services/mcp/server-info.ts'
import { defaultTiming } from '../services/mcp/timeouts.ts'
import { memoize } from '../services/net/memoize.ts'
import { createInstructions } from '../services/tools/instructions.ts'

declare module 'fastify' {
  interface FastifyInstance {
    mcp: Dispatcher
  }
}

/** The protocol engine with everything that this service offers. */
async function mcp(fastify: FastifyInstance): Promise<void> {
  const { calls, catalog, config, library, metrics, serverSecret } = fastify
  const { timing, transport = 'http' } = fastify.appOptions
  const requestsOf = memoize((key) => metrics.rpcRequests.labels(...key.split(' ')))
  // An alert asks for their increase, which is invisible from nothing.
  for (const method of [...knownMethods, 'other', 'none']) requestsOf(`${method} internal_error`).inc(0)
  const { progressRepeatMs, questionMs } = { ...defaultTiming, ...timing }
  fastify.decorate(
    'mcp',
    createDispatcher({
      catalog,
      serverInfo: serverInfoOf(fastify.appVersion),
      instructions: createInstructions({ transport, hasLibrary: library !== undefined, tools: fastify.tools }),
      progressRepeatMs,
      subscriptions: fastify.subscriptions,
      runCall: calls.run,
      handOverAfterMs: handOverRule(config.limits.handOverAfterMs),
      questions: fastify.questions,
      maxQuestionMs: questionMs,
      requestStates: createRequestStates({ key: serverSecret.keyFor('request-state') }),
      onCancelled: calls.suspect,
      onFinished: (method, outcome) => requestsOf(`${method} ${outcome}`).inc(),
    }),
  )
}

export default fp(mcp, {
  name: 'mcp',
  dependencies: [
    'config',
    'calls',
    'catalog',
    'metrics',
    'server-secret',
    'library',
    'tools',
    'questions',
    'subscriptions',
  ],
})
