import { setTimeout as pause } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createImagesClient } from '../services/azure/client.ts'
import { azurePart } from '../services/azure/deployment-status.ts'
import { requestCodes } from '../services/azure/events.ts'
import { describeDeployments } from '../services/azure/models/name-resolution.ts'
import { describeRetirements, logDeployments, modelsPart, retirementDays } from '../services/azure/models/retirement.ts'
import type { DeploymentAddress } from '../services/azure/shared-deployment.ts'
import type { ImagesClient } from '../services/azure/types.ts'
import { azureMetrics, watchDeployments } from '../services/telemetry/azure-events.ts'

declare module 'fastify' {
  interface FastifyInstance {
    azureImages: ImagesClient
  }
}

/** Milliseconds after which closing no longer waits for open connections. */
const CLOSE_MS = 1_000

/** Decorates `azureImages`, the client of Azure's image models. */
async function azureImages(fastify: FastifyInstance): Promise<void> {
  const { config, metrics, log, readiness, redis, appOptions } = fastify
  const { deployments, warnings, maxWaitingCalls, blockPauseMs } = config.azure
  const share = redis && (await import('../services/azure/shared-deployment.ts')).shareDeployment
  const limits = { maxWaiting: maxWaitingCalls, blockMs: blockPauseMs, minuteMs: appOptions.timing?.azureMinuteMs }
  const shared = (each: DeploymentAddress) => ({ ...limits, shared: redis && share?.(redis, each) })
  const [first, ...others] = deployments
  for (const warning of warnings) log.warn(warning)
  const client = createImagesClient({
    deployments: [{ ...first, ...shared(first) }, ...others.map((each) => ({ ...each, ...shared(each) }))],
    ...config.outbound,
    maxResponseBytes: config.azure.maxResponseBytes,
    spool: fastify.bufferSpool,
    maxQueueMs: config.azure.maxQueueMs,
    streaming: config.azure.streaming,
    imageHosts: config.azure.imageHosts,
    events: azureMetrics(metrics),
  })
  fastify.decorate('azureImages', client)
  // Requests that still run after the graceful shutdown have no client to receive their result.
  fastify.addHook('onClose', () => Promise.race([client.close(), pause(CLOSE_MS, undefined, { ref: false })]))
  watchDeployments(metrics, client.deployments, requestCodes, client.status)
  logDeployments(client.deployments, log)
  readiness.add('connections', () => ({ ready: true, state: client.canConnect ? 'available' : 'unavailable' }))
  const models = describeDeployments(client.deployments)
  readiness.add('deployments', () => ({ ready: true, state: models }))
  readiness.add('retirement', () => ({ ready: true, state: describeRetirements(client.deployments, new Date()) }))
  metrics.setRetirementDays(() => retirementDays(client.deployments, new Date()))
  readiness.add('azure', () => azurePart(client.status()))
  readiness.add('models', () => modelsPart(client.deployments, new Date()))
}

export default fp(azureImages, {
  name: 'azure-images',
  dependencies: ['config', 'metrics', 'readiness', 'redis', 'spooled-buffers'],
})
