import { apiUrl, formRequest, jsonRequest } from '../http-request.ts'
import { type Dialect, foundryScope, type Target } from './dialect.ts'
import { imageFields, imageFiles } from './gpt-image-fields.ts'

/**
 * The `/openai/v1` route: the body's `model` names the deployment.
 * https://learn.microsoft.com/en-us/azure/foundry/openai/how-to/dall-e
 */
export const v1Dialect: Dialect = {
  name: 'v1',
  defaultApiVersion: 'preview',
  scope: foundryScope,

  generate(request, target, streamed) {
    return jsonRequest('generate', operationUrl(target, 'generations'), {
      model: target.deployment,
      ...imageFields(request, target.model, streamed),
    })
  },

  edit(request, target, streamed) {
    return formRequest(
      operationUrl(target, 'edits'),
      { model: target.deployment, ...imageFields(request, target.model, streamed) },
      imageFiles(request, target.model.imagesField),
    )
  },
}

function operationUrl(target: Target, operation: 'generations' | 'edits'): URL {
  return apiUrl(target.baseUrl, ['openai', 'v1', 'images', operation], target.apiVersion)
}
