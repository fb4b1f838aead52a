import type { FastifyInstance } from 'fastify'
import type { Operation } from '../../schemas/models.ts'
import { deploymentsFor } from '../../services/tools/select-deployment.ts'
import { addCors } from '../shared/cors.ts'
import { openApiDocument } from './document.ts'

/**
 * `GET /openapi.json` describes the second door. It needs no credential and web pages of any origin may read it: tools do
 * before they have a key, and nothing in it is secret.
 */
export default async function openApi(fastify: FastifyInstance): Promise<void> {
  const { config, appVersion: version, azureImages, baseUrlOf } = fastify
  if (!config.server.hasOpenAiApi) return
  const { apiKeys, apiKeysFile, oauth } = config.auth
  const modelsFor = (operation: Operation) => deploymentsFor(operation, azureImages).map(({ name }) => name)
  const facts = {
    version,
    needsCredential: (apiKeys ?? apiKeysFile ?? oauth) !== undefined,
    generationModels: modelsFor('generate'),
    editModels: modelsFor('edit'),
  }
  fastify.addHook('onRequest', fastify.guardHost)
  await addCors(fastify, 'GET')
  const route = { config: { cors: { origin: '*' } } }
  fastify.get('/openapi.json', route, async function showDocument(request, reply) {
    // The address is that of the asking client.
    return reply.header('cache-control', 'no-cache').send(openApiDocument({ ...facts, baseUrl: baseUrlOf(request) }))
  })
}
