import type { DialectName, Model, Operation } from '../../../schemas/models.ts'
import { bodyFormatOf } from '../../parameters/parameter.ts'
import { imageFieldsOf, wireFields } from '../../parameters/wire.ts'
import { type Fields, type FormFile, withFixed } from '../http-request.ts'
import type { EditRequest, ImageRequest } from '../types.ts'

/**
 * The fields of OpenAI's image API on Azure. `response_format` is never sent, because every gpt-image model rejects it.
 * https://learn.microsoft.com/en-us/azure/foundry/openai/reference-preview-latest
 *
 * @param streamed requests server-sent events
 */
export function openaiFields(
  request: ImageRequest,
  operation: Operation,
  model: Model,
  dialect: DialectName,
  streamed: boolean,
): Fields {
  const isStream = streamed && bodyFormatOf(dialect, model) === 'openai'
  return withFixed(model, {
    prompt: request.prompt,
    ...wireFields(request, operation, model, dialect),
    ...(isStream ? { stream: true, partial_images: 1 } : {}),
  })
}

/** The images of a form. A single one is `image`; for several, gpt-image rejects a repeated `image`. */
export function imageFiles({ images, mask }: EditRequest, model: Model, dialect: DialectName): FormFile[] {
  const fields = imageFieldsOf(model, dialect)
  const files = images.map((image) => ({ field: images.length === 1 ? 'image' : fields.several, image }))
  return mask === undefined || fields.mask === undefined ? files : [...files, { field: fields.mask, image: mask }]
}
