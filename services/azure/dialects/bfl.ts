import { nearestRatio } from '../../parameters/size-fitting.ts'
import { apiUrl, type FieldValue, jsonRequest, jsonRequestWithImages, withFixed } from '../http-request.ts'
import type { EditRequest, ImageRequest } from '../types.ts'
import { cognitiveServicesScope, type Dialect, type Target } from './dialect.ts'

/**
 * The Black Forest Labs provider route. Its path names the model, not the deployment, in a spelling of its own; images
 * are base64 in JSON under `input_image`, `input_image_2`, … (a field `image` is ignored and a fresh image drawn).
 * https://learn.microsoft.com/en-us/azure/foundry/foundry-models/how-to/use-foundry-models-flux
 */
export const bflDialect: Dialect = {
  name: 'bfl',
  defaultApiVersion: 'preview',
  scope: cognitiveServicesScope,

  generate(request, target) {
    return jsonRequest('generate', modelUrl(target), fluxFields(request, target))
  },

  edit(request, target) {
    const images = request.images.map(({ bytes }, index) => [
      index === 0 ? 'input_image' : `input_image_${index + 1}`,
      bytes,
    ])
    return jsonRequestWithImages('edit', modelUrl(target), fluxFields(request, target), Object.fromEntries(images))
  },
}

function modelUrl({ baseUrl, model, apiVersion }: Target): URL {
  const path = model.providerPath ?? model.id.toLowerCase().replaceAll('.', '-')
  return apiUrl(baseUrl, ['providers', 'blackforestlabs', 'v1', path], apiVersion)
}

function fluxFields(request: ImageRequest | EditRequest, { deployment, model }: Target): Record<string, FieldValue> {
  return withFixed(model, {
    model: deployment,
    prompt: request.prompt,
    num_images: 1,
    ...shapeFields(request, model.aspectRatios),
    seed: request.seed,
    // Left out, FLUX answers JPEG.
    output_format: request.format ?? model.fields?.output_format ?? 'png',
    guidance: request.guidance,
    steps: request.steps,
  })
}

/** A model that takes shapes gets the one nearest to the size; the others get width and height (`size` is ignored). */
function shapeFields({ size, aspectRatio }: ImageRequest, ratios: readonly string[]) {
  if (ratios.length === 0) return size === undefined ? {} : { width: size.width, height: size.height }
  return { aspect_ratio: aspectRatio ?? (size && nearestRatio(ratios, size)) }
}
