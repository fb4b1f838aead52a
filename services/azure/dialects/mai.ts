import type { Operation } from '../../../schemas/models.ts'
import { wireFields } from '../../parameters/wire.ts'
import { apiUrl, type Fields, formRequest, jsonRequest, withFixed } from '../http-request.ts'
import type { ImageRequest } from '../types.ts'
import { cognitiveServicesScope, type Dialect, type Target } from './dialect.ts'
import { imageFiles } from './openai-body.ts'

/**
 * The route of Microsoft's own models. It has no API version, returns one PNG whatever `n` says, and rejects `seed`,
 * `response_format` and `negative_prompt`. Edits accept width and height from version 2.6 on.
 * https://learn.microsoft.com/en-us/azure/foundry/foundry-models/how-to/use-foundry-models-mai
 */
export const maiDialect: Dialect = {
  name: 'mai',
  scope: cognitiveServicesScope,

  generate(request, target) {
    return jsonRequest('generate', operationUrl(target, 'generations'), maiFields(request, 'generate', target))
  },

  edit(request, target) {
    const files = imageFiles(request, target.model, 'mai')
    return formRequest(operationUrl(target, 'edits'), maiFields(request, 'edit', target), files)
  },
}

function operationUrl({ baseUrl, apiVersion }: Target, operation: 'generations' | 'edits'): URL {
  return apiUrl(baseUrl, ['mai', 'v1', 'images', operation], apiVersion === '' ? undefined : apiVersion)
}

function maiFields(request: ImageRequest, operation: Operation, { deployment, model }: Target): Fields {
  return withFixed(model, {
    model: deployment,
    prompt: request.prompt,
    ...wireFields(request, operation, model, 'mai'),
  })
}
