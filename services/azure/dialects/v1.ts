import { apiUrl, formRequest, jsonRequest } from '../http-request.ts'
import { type Dialect, foundryScope, type Target } from './dialect.ts'
import { deploymentLookup } from './lookups.ts'
import { imageFiles, openaiFields } from './openai-body.ts'

/**
 * The `/openai/v1` route: `model` in the body names the deployment.
 * https://learn.microsoft.com/en-us/azure/foundry/openai/how-to/dall-e
 */
export const v1Dialect: Dialect = {
  name: 'v1',
  defaultApiVersion: 'preview',
  scope: foundryScope,
  lookups: {
    // https://learn.microsoft.com/en-us/azure/foundry/openai/latest
    models: ({ baseUrl, apiVersion }) => apiUrl(baseUrl, ['openai', 'v1', 'models'], apiVersion),
    deployment: deploymentLookup,
  },

  generate(request, target, streamed) {
    const fields = openaiFields(request, 'generate', target.model, 'v1', streamed)
    return jsonRequest('generate', operationUrl(target, 'generations'), { model: target.deployment, ...fields })
  },

  edit(request, target, streamed) {
    const fields = { model: target.deployment, ...openaiFields(request, 'edit', target.model, 'v1', streamed) }
    return formRequest(operationUrl(target, 'edits'), fields, imageFiles(request, target.model, 'v1'))
  },
}

function operationUrl(target: Target, operation: 'generations' | 'edits'): URL {
  return apiUrl(target.baseUrl, ['openai', 'v1', 'images', operation], target.apiVersion)
}
