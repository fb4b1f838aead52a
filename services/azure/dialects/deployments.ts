import { apiUrl, formRequest, jsonRequest } from '../http-request.ts'
import { cognitiveServicesScope, type Dialect, type Target } from './dialect.ts'
import { deploymentLookup } from './lookups.ts'
import { imageFiles, openaiFields } from './openai-body.ts'

/**
 * The deployment route: the path names the deployment, and `model` in the body is rejected with 400.
 * https://learn.microsoft.com/en-us/azure/foundry/openai/reference-preview-latest
 */
export const deploymentsDialect: Dialect = {
  name: 'deployments',
  // Older versions return 404 for edits: https://github.com/Azure/azure-sdk-for-net/issues/49697
  defaultApiVersion: '2025-04-01-preview',
  scope: cognitiveServicesScope,
  lookups: {
    // https://learn.microsoft.com/en-us/rest/api/azureopenai/models/list
    models: ({ baseUrl }) => apiUrl(baseUrl, ['openai', 'models'], '2024-10-21'),
    deployment: deploymentLookup,
  },

  generate(request, target, streamed) {
    const fields = openaiFields(request, 'generate', target.model, 'deployments', streamed)
    return jsonRequest('generate', operationUrl(target, 'generations'), fields)
  },

  edit(request, target, streamed) {
    const fields = openaiFields(request, 'edit', target.model, 'deployments', streamed)
    return formRequest(operationUrl(target, 'edits'), fields, imageFiles(request, target.model, 'deployments'))
  },
}

function operationUrl(target: Target, operation: 'generations' | 'edits'): URL {
  const segments = ['openai', 'deployments', target.deployment, 'images', operation]
  return apiUrl(target.baseUrl, segments, target.apiVersion)
}
