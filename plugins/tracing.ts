import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { parseHeaders } from '../services/config/tracing.ts'
import { noTrace, type Trace } from '../services/telemetry/trace.ts'

declare module 'fastify' {
  interface FastifyInstance {
    tracing: {
      /** Whether there is a collector. */
      readonly isOn: boolean
      /** Where traces begin. */
      readonly root: Trace
    }
  }
}

/** Milliseconds for the last spans, part of the time that the process has to exit. */
const CLOSE_MS = 2_000

/** Exports traces to a collector, if one is configured; nothing of OpenTelemetry is loaded before. */
async function tracing(fastify: FastifyInstance): Promise<void> {
  const { config, log, appVersion: version } = fastify
  const { export: exported, problems } = config.tracing
  for (const problem of problems) log.warn(`there are no traces: ${problem}`)
  if (exported === undefined) {
    fastify.decorate('tracing', { isOn: false, root: noTrace })
    return
  }
  const { createTracer } = await import('../services/telemetry/tracer.ts')
  const { serviceName, attributes, headers, url, ...options } = exported
  const tracer = createTracer({
    ...options,
    url: new URL(url),
    headers: parseHeaders(headers?.reveal() ?? ''),
    resource: {
      'service.version': version,
      'service.instance.id': randomUUID(),
      ...attributes,
      'service.name': serviceName,
    },
    version,
    connections: config.outbound,
    log,
  })
  fastify.addHook('onClose', () => tracer.close(Math.min(CLOSE_MS, config.server.shutdownGraceMs)))
  fastify.decorate('tracing', { isOn: true, root: tracer.root })
}

export default fp(tracing, { name: 'tracing', dependencies: ['config'] })
