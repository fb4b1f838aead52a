import type { Model } from '../../../schemas/models.ts'
import { type FieldValue, type FormFile, withFixed } from '../http-request.ts'
import type { EditRequest, ImageRequest } from '../types.ts'

/**
 * The fields of OpenAI's image API as Azure takes them. `response_format` is a 400 on every gpt-image model and is never
 * sent. https://learn.microsoft.com/en-us/azure/foundry/openai/reference-preview-latest
 */
export function imageFields(
  request: ImageRequest | EditRequest,
  model: Model,
  streamed: boolean,
): Record<string, FieldValue> {
  const { prompt, size } = request
  const common = { prompt, n: request.count ?? 1, size: size && `${size.width}x${size.height}` }
  // FLUX on this API takes these three only, beside what the operator adds.
  if (model.providerPath !== undefined) return withFixed(model, common)
  return withFixed(model, {
    ...common,
    quality: request.quality,
    output_format: request.format,
    output_compression: request.format === 'jpeg' ? request.compression : undefined,
    background: request.background,
    input_fidelity: 'images' in request ? request.inputFidelity : undefined,
    ...(streamed ? { stream: true, partial_images: 1 } : {}),
  })
}

/**
 * The images of an edit: one alone is `image`.
 *
 * @param several the field of each where there are more; gpt-image rejects a repeated `image`
 */
export function imageFiles({ images, mask }: EditRequest, several = 'image[]'): FormFile[] {
  const field = images.length === 1 ? 'image' : several
  const files = images.map((image) => ({ field, image }))
  return mask === undefined ? files : [...files, { field: 'mask', image: mask }]
}
