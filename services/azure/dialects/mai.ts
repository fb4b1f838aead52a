import { apiUrl, type FieldValue, formRequest, jsonRequest, withFixed } from '../http-request.ts'
import type { ImageRequest } from '../types.ts'
import { cognitiveServicesScope, type Dialect, type Target } from './dialect.ts'
import { imageFiles } from './gpt-image-fields.ts'

/**
 * The route of Microsoft's own models. It has no API version, answers one PNG whatever `n` says, and rejects `seed`,
 * `response_format` and `negative_prompt`. Width and height of an edit are taken by models from 2.6 on.
 * https://learn.microsoft.com/en-us/azure/foundry/foundry-models/how-to/use-foundry-models-mai
 */
export const maiDialect: Dialect = {
  name: 'mai',
  scope: cognitiveServicesScope,

  generate(request, target) {
    return jsonRequest('generate', operationUrl(target, 'generations'), maiFields(request, target))
  },

  edit(request, target) {
    const files = imageFiles({ ...request, mask: undefined }, target.model.imagesField ?? 'image')
    return formRequest(operationUrl(target, 'edits'), maiFields(request, target), files)
  },
}

function operationUrl({ baseUrl, model }: Target, operation: 'generations' | 'edits'): URL {
  return apiUrl(baseUrl, ['mai', 'v1', 'images', operation], model.apiVersion)
}

function maiFields(request: ImageRequest, { deployment, model }: Target): Record<string, FieldValue> {
  return withFixed(model, {
    model: deployment,
    prompt: request.prompt,
    width: request.size?.width,
    height: request.size?.height,
    background: request.background,
    auto_aspect_ratio: request.autoAspectRatio,
    web_grounding: request.webGrounding,
  })
}
