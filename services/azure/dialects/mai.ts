import type { ImageRequest } from '../images-client.ts'
import { apiUrl, definedFields, type FieldValue, formRequest, jsonRequest } from '../wire-request.ts'
import { cognitiveServicesScope, type Dialect, type Target } from './dialect.ts'

/**
 * The route of Microsoft's own models. It has no API version, answers one PNG whatever `n` says, refuses `seed`, and
 * refuses width and height on edits.
 * https://learn.microsoft.com/en-us/azure/foundry/foundry-models/how-to/use-foundry-models-mai
 */
export const maiDialect: Dialect = {
  name: 'mai',
  scope: cognitiveServicesScope,

  generate(request, target) {
    const { width, height } = request.size ?? {}
    return jsonRequest(
      'generate',
      operationUrl(target, 'generations'),
      definedFields({ ...maiFields(request, target), width, height }),
    )
  },

  edit(request, target) {
    const [image] = request.images
    return formRequest(operationUrl(target, 'edits'), maiFields(request, target), [{ field: 'image', image }])
  },
}

function operationUrl({ baseUrl, model }: Target, operation: 'generations' | 'edits'): URL {
  return apiUrl(baseUrl, ['mai', 'v1', 'images', operation], model.apiVersion)
}

function maiFields(request: ImageRequest, { deployment, model }: Target): Record<string, FieldValue> {
  return definedFields({
    ...model.fields,
    model: deployment,
    prompt: request.prompt,
    auto_aspect_ratio: request.autoAspectRatio,
    web_grounding: request.webGrounding,
  })
}
