import type { Operation } from '../../../schemas/models.ts'
import { imageFieldsOf, wireFields } from '../../parameters/wire.ts'
import { apiUrl, type Fields, jsonRequest, jsonRequestWithImages, withFixed } from '../http-request.ts'
import type { ImageRequest } from '../types.ts'
import { cognitiveServicesScope, type Dialect, type Target } from './dialect.ts'

/**
 * The provider route of Black Forest Labs. The path names the model, not the deployment, in its own spelling; images are
 * base64 in JSON under `input_image`, `input_image_2`, … (a field `image` is ignored, and a new image generated).
 * https://learn.microsoft.com/en-us/azure/foundry/foundry-models/how-to/use-foundry-models-flux
 */
export const bflDialect: Dialect = {
  name: 'bfl',
  defaultApiVersion: 'preview',
  scope: cognitiveServicesScope,

  generate(request, target) {
    return jsonRequest('generate', modelUrl(target), fluxFields(request, 'generate', target))
  },

  edit(request, target) {
    const { several } = imageFieldsOf(target.model, 'bfl')
    const images = request.images.map(({ bytes }, index) => [index === 0 ? several : `${several}_${index + 1}`, bytes])
    return jsonRequestWithImages(
      'edit',
      modelUrl(target),
      fluxFields(request, 'edit', target),
      Object.fromEntries(images),
    )
  },
}

function modelUrl({ baseUrl, model, apiVersion }: Target): URL {
  const path = model.providerPath ?? model.id.toLowerCase().replaceAll('.', '-')
  return apiUrl(baseUrl, ['providers', 'blackforestlabs', 'v1', path], apiVersion)
}

function fluxFields(request: ImageRequest, operation: Operation, { deployment, model }: Target): Fields {
  return withFixed(model, {
    model: deployment,
    prompt: request.prompt,
    num_images: 1,
    ...wireFields(request, operation, model, 'bfl'),
  })
}
