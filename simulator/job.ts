import sharp from 'sharp'
import { type AzureError, invalidRequest } from './azure-error.ts'
import type { ImageFormat } from './image.ts'
import { checkSize, type Model, type Operation, parseSize, type Size } from './models.ts'
import type { Payload, Upload, Wording } from './payload.ts'

/** A validated request. */
export interface Job {
  operation: Operation
  prompt: string
  /** Size of the generated image. */
  size: Size
  count: number
  format: ImageFormat
  /** JPEG quality. */
  compression?: number | undefined
  background?: string | undefined
  quality?: string | undefined
  seed?: number | undefined
  /** The image to edit, then reference images. */
  images: readonly Buffer[]
  mask?: Buffer | undefined
  /** Of gpt-image: tokens of all input images, and of one image. */
  tokens?: { input: number; output: number }
  /** Number of partial images of an event stream; undefined for JSON. */
  partials?: number | undefined
}

/** Validates a `Payload` by the rules of one family. @throws {AzureError} where Azure would reject it */
export type JobReader = (model: Model, operation: Operation, payload: Payload) => Promise<Job>

const megabyte = 1024 * 1024
const takenTypes: Readonly<Record<string, string>> = { 'image/png': 'png', 'image/jpeg': 'jpeg', 'image/jpg': 'jpeg' }

/** @throws {AzureError} if the part is not a PNG or JPEG with its correct type */
export async function checkUpload(
  { field, fileName, mimeType, bytes }: Upload,
  reject: (code: string, message: string, param: string) => AzureError,
) {
  const format = takenTypes[mimeType]
  if (format === undefined) {
    throw reject(
      'unsupported_file_mimetype',
      `Invalid file '${field}': unsupported mimetype ('${mimeType}'). Supported file formats are 'image/jpeg' and 'image/png'.`,
      field,
    )
  }
  if (fileName === undefined || fileName === '')
    throw reject('invalid_file', `Invalid file '${field}': it has no file name.`, field)
  if (bytes.length === 0 || bytes.length >= 50 * megabyte)
    throw reject('invalid_file_size', `Invalid file '${field}': it must be smaller than 50 MB and not empty.`, field)
  const size = await measure(bytes, format)
  if (size === undefined)
    throw reject(
      'invalid_image_file',
      `Invalid file '${field}': it is not a readable ${format.toUpperCase()} image.`,
      field,
    )
  return size
}

/** The dimensions, or undefined if the image does not decode or has another format. */
export async function measure(bytes: Buffer, format?: string): Promise<(Size & { hasAlpha: boolean }) | undefined> {
  try {
    const image = sharp(bytes, { failOn: 'truncated' })
    const { width, height, hasAlpha, format: found } = await image.metadata()
    if (format !== undefined && found !== format) return undefined
    await image.stats()
    return { width, height, hasAlpha }
  } catch {
    return undefined
  }
}

/**
 * The images of a form: one as `image`, several as `image[]` or, on MAI's route, as a repeated `image`.
 * @throws {AzureError} if there are none or too many, or the field is spelled in the other family's way or both ways
 */
export async function readUploads(
  payload: Payload,
  most: number,
  several: 'image' | 'image[]' = 'image[]',
): Promise<readonly Upload[]> {
  const stray = payload.uploads.find(({ field }) => !['image', 'image[]', 'mask'].includes(field))
  if (stray !== undefined)
    throw invalidRequest('unknown_parameter', `Unknown parameter: '${stray.field}'.`, stray.field)
  const images = payload.uploads.filter(({ field }) => field === 'image' || field === 'image[]')
  if ('image' in payload.fields || 'image[]' in payload.fields) {
    throw invalidRequest(
      'invalid_type',
      "Invalid type for 'image': expected a file, but got a string instead.",
      'image',
    )
  }
  if (images.length === 0)
    throw invalidRequest('missing_required_parameter', "Missing required parameter: 'image'.", 'image')
  const isRepeated = several === 'image[]' && payload.repeated.includes('image')
  if (isRepeated || new Set(images.map(({ field }) => field)).size > 1) {
    throw invalidRequest(
      'duplicate_parameter',
      "Duplicate parameter: 'image'. Use the array syntax instead, e.g. 'image[]=<value>'.",
      'image',
    )
  }
  if (images.length > most) {
    throw invalidRequest(
      'array_above_max_length',
      `Invalid 'image': array too long. Expected at most ${most}, but got ${images.length}.`,
      'image',
    )
  }
  if ((most === 1 || several === 'image') && images[0]?.field === 'image[]')
    throw invalidRequest('unknown_parameter', "Unknown parameter: 'image[]'.", 'image[]')
  for (const image of images) await checkUpload(image, invalidRequest)
  return images
}

/** @throws {AzureError} for a malformed size, or one that the model does not support */
export function readSize(model: Model, text: string | undefined, auto: Size, wording: Wording): Size {
  if (text === undefined || text === 'auto') return auto
  const requested = parseSize(text)
  if (requested === undefined) throw wording.invalid('size', "Expected '<width>x<height>' or 'auto'.")
  const size = checkSize(model.size, requested)
  if (typeof size === 'string') throw wording.invalid('size', size)
  return size
}
