import { apiUrl, formRequest, jsonRequest } from '../http-request.ts'
import { cognitiveServicesScope, type Dialect, type Target } from './dialect.ts'
import { imageFields, imageFiles } from './gpt-image-fields.ts'

/**
 * The deployment-scoped route: the deployment is named in the path, and `model` in the body is a 400.
 * https://learn.microsoft.com/en-us/azure/foundry/openai/reference-preview-latest
 */
export const deploymentsDialect: Dialect = {
  name: 'deployments',
  // Edits are a 404 on anything older: https://github.com/Azure/azure-sdk-for-net/issues/49697
  defaultApiVersion: '2025-04-01-preview',
  scope: cognitiveServicesScope,

  generate(request, target, streamed) {
    return jsonRequest('generate', operationUrl(target, 'generations'), imageFields(request, target.model, streamed))
  },

  edit(request, target, streamed) {
    return formRequest(
      operationUrl(target, 'edits'),
      imageFields(request, target.model, streamed),
      imageFiles(request, target.model.imagesField),
    )
  },
}

function operationUrl(target: Target, operation: 'generations' | 'edits'): URL {
  const segments = ['openai', 'deployments', target.deployment, 'images', operation]
  return apiUrl(target.baseUrl, segments, target.apiVersion)
}
