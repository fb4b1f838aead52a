import { type CommonRequest, type ImageEditRequest, ImageEditRequestSchema } from '../../schemas/openai.ts'
import type { BufferPool } from '../../services/bytes/buffer-pool.ts'
import { type FormPart, parseForm } from '../../services/bytes/form-data.ts'
import { InlineBlob, restoreTexts } from '../../services/bytes/json/inline-blob.ts'
import { isRecord } from '../../services/bytes/json/is-record.ts'
import type { ParsedJson } from '../../services/bytes/json/parse-body.ts'
import { Placeholders } from '../../services/bytes/json/placeholders.ts'
import { serviceError } from '../../services/errors/errors.ts'
import { allowedArguments, isAllowed } from '../../services/parameters/arguments.ts'
import { MAX_REFERENCE_CHARACTERS } from '../../services/parameters/table.ts'
import { RequestError } from './request-error.ts'
import { deploymentOf, type Offer, toToolArguments } from './tool-arguments.ts'
import { createValidation } from './validation.ts'

/** An image of a request: its bytes, or a text that has them or names a stored image. */
type ImageSource = string | InlineBlob

export interface EditRequest {
  members: CommonRequest & Pick<ImageEditRequest, 'input_fidelity'>
  /** The image to edit, then references. */
  images: readonly [ImageSource, ...ImageSource[]]
  mask: ImageSource | undefined
}

/** `image`, `image[]`, `image[0]`, and the same of `images`. */
const IMAGE_PART = /^images?(?:\[\d{0,3}\])?$/

const isImagePart = (name: string) => name === 'mask' || IMAGE_PART.test(name)

/**
 * Parses a form to what its JSON would be.
 * @throws ServiceError `IMG_ERR_FORM`, `IMG_ERR_IMAGE_BYTES`
 */
export function parseEditForm(
  body: Buffer,
  contentType: string,
  { pool, maxImageBytes }: { pool: BufferPool; maxImageBytes: number },
): ParsedJson {
  const form = parseForm(body, contentType, { pool, maxImageBytes, isImage: isImagePart })
  try {
    return { value: toJson(form.parts), retainedBytes: form.retainedBytes, [Symbol.dispose]: form[Symbol.dispose] }
  } catch (error) {
    form[Symbol.dispose]()
    throw error
  }
}

function toJson(parts: readonly FormPart[]): object {
  const images: ImageSource[] = []
  const members = new Map<string, unknown>()
  const lists = new Map<string, unknown[]>()
  for (const { name, value } of parts) {
    const list = name.endsWith('[]') ? name.slice(0, -2) : undefined
    if (IMAGE_PART.test(name)) images.push(value)
    else if (list !== undefined) lists.set(list, [...(lists.get(list) ?? []), value])
    // Which of two values the client means could only be guessed, and the guess would be paid for.
    else if (members.has(name)) throw serviceError('IMG_ERR_FORM', ['two parts have the same name and are no images'])
    else members.set(name, value)
  }
  // Not by assignment, since a name may be `__proto__`.
  return Object.fromEntries([...members, ...lists, ['images', images]])
}

const validate = createValidation(ImageEditRequestSchema)

/**
 * Checks the request of an edit, whose images may be `InlineBlob`s.
 * @throws RequestError
 */
export function readEdit(body: unknown): EditRequest {
  const blobs = new Placeholders<InlineBlob>()
  const { images: refs, mask: maskRef, ...members } = validate(withReferences(body, blobs))
  const sourceOf = ({ image_url, file_id = '' }: ImageEditRequest['images'][number]): ImageSource =>
    image_url === undefined ? file_id : (blobs.find(image_url) ?? image_url)
  const [image, ...references] = refs.map(sourceOf)
  if (image === undefined) throw noImage()
  return { members, images: [image, ...references], mask: maskRef && sourceOf(maskRef) }
}

function noImage(): RequestError {
  const message = 'Send the image to edit: as the file "image" of a form, or in "images" of JSON.'
  return new RequestError(message, { status: 400, code: 'missing_required_parameter', param: 'image' })
}

/** The request with a text for each blob, and with each image in the form that OpenAI documents. */
function withReferences(body: unknown, blobs: Placeholders<InlineBlob>): unknown {
  if (!isRecord(body)) return body
  // No other text may be an image, however long.
  restoreTexts(body, (_parent, key) => isImageMember(key))
  const { images: several, image: one, mask, ...members } = body
  const images = [one, several].flat().filter((image) => !isBlank(image))
  if (images.length === 0) throw noImage()
  const textOf = (value: unknown) => (value instanceof InlineBlob ? blobs.add(value) : value)
  const toReference = (image: unknown) => {
    if (!isRecord(image) || image instanceof InlineBlob) return { image_url: textOf(image) }
    const given = Object.entries(image).filter(([, value]) => value !== null)
    return Object.fromEntries(given.map(([name, value]) => [name, textOf(value)]))
  }
  return {
    ...members,
    images: images.map(toReference),
    ...(isBlank(mask) ? {} : { mask: toReference(mask) }),
  }
}

const isImageMember = (key: string) => ['images', 'image', 'mask'].includes(key)

const isBlank = (value: unknown) =>
  value === undefined || value === null || (typeof value === 'string' && !value.trim())

/**
 * The arguments of `edit_image` for a request.
 * @param hasLibrary whether a text can name a stored image
 * @throws RequestError, ServiceError for what the model cannot do
 */
export function editArguments(edit: EditRequest, offer: Offer, hasLibrary: boolean): Record<string, unknown> {
  const { input_fidelity: fidelity, ...members } = edit.members
  const { model, capabilities } = deploymentOf(members.model, offer.deployments)
  if (edit.mask !== undefined && !isAllowed('mask_base64', 'edit', capabilities)) {
    throw serviceError(
      'IMG_ERR_MODEL_ARGUMENT',
      [model, 'mask', allowedArguments('edit', capabilities)],
      forParam('mask'),
    )
  }
  if (edit.images.length > capabilities.maxImages) {
    throw serviceError('IMG_ERR_MODEL_IMAGES', [model, capabilities.maxImages], forParam('image'))
  }
  // Apps send it with every edit, and models without it are faithful anyway.
  const isSent = fidelity !== undefined && isAllowed('input_fidelity', 'edit', capabilities)
  const request = isSent ? { ...members, input_fidelity: fidelity } : members
  return { ...sourceArguments(edit, hasLibrary), ...toToolArguments(request, offer) }
}

const forParam = (argument: string) => ({ detail: { argument } })

function sourceArguments({ images, mask }: EditRequest, hasLibrary: boolean): Record<string, unknown> {
  const isStored = (source: ImageSource) =>
    hasLibrary && typeof source === 'string' && source.length <= MAX_REFERENCE_CHARACTERS && !/^\s*data:/i.test(source)
  const [image, ...references] = images
  return {
    [isStored(image) ? 'image' : 'image_data_base64']: image,
    ...(mask === undefined ? {} : { [isStored(mask) ? 'mask_image' : 'mask_base64']: mask }),
    // The argument for bytes takes names too, so that several images keep their order.
    ...(references.length === 0
      ? {}
      : { [references.every(isStored) ? 'reference_images' : 'reference_images_base64']: references }),
  }
}
