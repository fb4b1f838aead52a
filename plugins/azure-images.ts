import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createImagesClient } from '../services/azure/azure-images-client.ts'
import type { ImagesClient } from '../services/azure/images-client.ts'

declare module 'fastify' {
  interface FastifyInstance {
    azureImages: ImagesClient
  }
}

/** Azure's image models for everybody else, counted. */
async function azureImages(fastify: FastifyInstance): Promise<void> {
  const { config, metrics } = fastify
  const client = createImagesClient({
    baseUrl: config.AZURE_BASE_URL,
    apiKey: config.AZURE_API_KEY,
    deployment: config.AZURE_DEPLOYMENT_NAME,
    model: config.AZURE_MODEL,
    apiVersion: config.AZURE_API_VERSION,
    connectTimeoutMs: config.AZURE_CONNECT_TIMEOUT_MS,
    maxAnswerBytes: config.AZURE_MAX_ANSWER_BYTES,
    imageHosts: config.AZURE_IMAGE_HOSTS.split(',').map((host) => host.trim().toLowerCase()),
    proxy: { https: config.HTTPS_PROXY, none: config.NO_PROXY },
    events: {
      requestStarted() {
        metrics.azureInFlight.inc()
      },
      requestEnded({ operation, statusClass, durationMs }) {
        metrics.azureInFlight.dec()
        metrics.azureRequests.inc({ operation, status_class: statusClass })
        metrics.azureDuration.observe({ operation }, durationMs / 1000)
      },
    },
  })
  fastify.decorate('azureImages', client)
  fastify.addHook('onClose', () => client.close())
}

export default fp(azureImages, { name: 'azure-images', dependencies: ['config', 'metrics', 'readiness'] })
