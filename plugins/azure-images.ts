import { setTimeout as pause } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createImagesClient } from '../services/azure/client.ts'
import type { AzureEvents } from '../services/azure/events.ts'
import { retirementState } from '../services/azure/models/model-catalog.ts'
import { describeDeployments } from '../services/azure/models/name-resolution.ts'
import type { ImagesClient } from '../services/azure/types.ts'
import type { Metrics } from '../services/telemetry/metrics.ts'

declare module 'fastify' {
  interface FastifyInstance {
    azureImages: ImagesClient
  }
}

/** Milliseconds that the connections may take to end. */
const CLOSE_MS = 1_000

/** Azure's image models for everybody else, counted. */
async function azureImages(fastify: FastifyInstance): Promise<void> {
  const { config, metrics, log } = fastify
  const { deployments, warnings, maxWaitingCalls: maxWaiting, blockPauseMs: blockMs } = config.azure
  const { connectTimeoutMs, proxy } = config.outbound
  const [first, ...others] = deployments
  for (const warning of warnings) log.warn(warning)
  const client = createImagesClient({
    deployments: [
      { ...first, maxWaiting, blockMs },
      ...others.map((deployment) => ({ ...deployment, maxWaiting, blockMs })),
    ],
    connectTimeoutMs,
    maxResponseBytes: config.azure.maxResponseBytes,
    buffered: fastify.bufferSpool,
    streaming: config.azure.streaming,
    imageHosts: config.azure.imageHosts,
    proxy: { https: proxy.https?.reveal(), none: proxy.none.join() },
    events: countingEvents(metrics),
  })
  fastify.decorate('azureImages', client)
  // What still runs after the drain has nobody left to answer to.
  fastify.addHook('onClose', () => Promise.race([client.close(), pause(CLOSE_MS, undefined, { ref: false })]))
  reportModels(fastify, client)
  reportRetirements(fastify, client)
}

/** What each deployment is driven as: a wrong guess fails call by call, or costs more than it should. */
function reportModels({ log, readiness }: FastifyInstance, { deployments }: ImagesClient): void {
  for (const { name, model, recognition } of deployments)
    log.info({ deployment: name, model, recognition }, 'deployment')
  const driven = describeDeployments(deployments)
  readiness.add('deployments', () => ({ ready: true, state: driven }))
}

function countingEvents(metrics: Metrics): AzureEvents {
  return {
    requestStarted() {
      metrics.azureInFlight.inc()
    },
    requestEnded({ operation, statusClass, durationMs }) {
      metrics.azureInFlight.dec()
      metrics.azureRequests.inc({ operation, status_class: statusClass })
      metrics.azureDuration.observe({ operation }, durationMs / 1000)
    },
    imagesGenerated({ model, count, usage, costUsd }) {
      metrics.azureImages.inc({ model }, count)
      metrics.azureTokens.inc({ model, kind: 'text_in' }, usage.textTokensIn ?? 0)
      metrics.azureTokens.inc({ model, kind: 'image_in' }, usage.imageTokensIn ?? 0)
      metrics.azureTokens.inc({ model, kind: 'out' }, usage.tokensOut ?? 0)
      metrics.azureMegapixels.inc({ model, kind: 'in' }, usage.megapixelsIn ?? 0)
      metrics.azureMegapixels.inc({ model, kind: 'out' }, usage.megapixelsOut ?? 0)
      metrics.azureCost.inc({ model }, costUsd ?? 0)
    },
  }
}

/** A model past its day fails call by call with a puzzling 404; better said before. */
function reportRetirements(fastify: FastifyInstance, { deployments }: ImagesClient): void {
  for (const { name, model, capabilities } of deployments) {
    const state = retirementState(capabilities, new Date())
    const facts = { deployment: name, model, retires: capabilities.retires, state }
    if (state !== undefined) fastify.log.warn(facts, 'azure retires this model')
  }
  fastify.readiness.add('models', () => {
    const states = deployments.map(({ capabilities }) => retirementState(capabilities, new Date()))
    const worst = states.includes('retired') ? 'retired' : states.includes('retiring') ? 'retiring' : 'current'
    return { ready: true, state: worst }
  })
}

export default fp(azureImages, {
  name: 'azure-images',
  dependencies: ['config', 'metrics', 'readiness', 'spooled-buffers'],
})
