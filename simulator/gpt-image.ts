import { invalidRequest, invalidValue, missingParameter, unknownParameter } from './azure-error.ts'
import { checkUpload, type Job, type JobReader, measure, readSize, readUploads } from './job.ts'
import type { Model, Size } from './models.ts'
import { createArguments, type Payload } from './payload.ts'
import { inputTokens, outputTokens } from './tokens.ts'

const wording = { unknown: unknownParameter, missing: missingParameter, invalid: invalidValue }

const common = [
  'prompt',
  'n',
  'size',
  'quality',
  'output_format',
  'output_compression',
  'background',
  'stream',
  'partial_images',
  'user',
]
const generationOnly = ['moderation']
// Includes the images' fields, so that text in them is rejected as such.
const editOnly = ['input_fidelity', 'image', 'image[]']

/** The gpt-image family: JSON for generations, a form for edits. `model` has been removed where the route requires it. */
export const readGptImageJob: JobReader = async (model, operation, payload) => {
  const isEdit = operation === 'edits'
  const args = createArguments(payload, wording)
  args.rejectOthers(common, isEdit ? editOnly : generationOnly)
  const prompt = args.text('prompt', model.maxPromptChars)
  if (prompt === undefined || prompt === '') throw missingParameter('prompt')
  const format = args.choice('output_format', ['png', 'jpeg']) === 'jpeg' ? 'jpeg' : 'png'
  const compression = args.integer('output_compression', 0, 100)
  if (compression !== undefined && format === 'png' && compression !== 100) {
    throw invalidValue('output_compression', 'Compression less than 100 is not supported for PNG output format.')
  }
  const background = args.choice('background', ['transparent', 'opaque', 'auto'])
  if (background === 'transparent' && format !== 'png')
    throw invalidValue('background', 'Transparent background needs PNG.')
  args.choice('moderation', ['low', 'auto'])
  args.text('user', 512)
  const fidelity = args.choice('input_fidelity', ['low', 'high'])
  if (fidelity !== undefined && model.inputFidelity !== true) {
    throw invalidValue('input_fidelity', `${model.id} does not take it.`)
  }
  const quality = args.choice('quality', model.qualities ?? [])
  const count = args.integer('n', 1, 10) ?? 1
  const partials = args.integer('partial_images', 0, 3) ?? 0
  const isStream = args.flag('stream') ?? false
  const { images, sizes, mask, auto } = isEdit
    ? await readImages(model, payload)
    : { images: [], sizes: [], mask: undefined, auto: undefined }
  const size = readSize(model, args.text('size', 20), auto ?? { width: 1024, height: 1024 }, wording)
  const tokens = {
    input: sizes.reduce((sum, each) => sum + inputTokens(model.id, each, fidelity === 'high'), 0),
    output: outputTokens(model.id, quality, size),
  }
  const job: Job = { operation, prompt, size, count, format, compression, background, quality, images, mask, tokens }
  return isStream ? { ...job, partials } : job
}

async function readImages(
  model: Model,
  payload: Payload,
): Promise<{ images: Buffer[]; sizes: Size[]; mask: Buffer | undefined; auto: Size }> {
  const uploads = await readUploads(payload, model.maxImages)
  const images = uploads.map(({ bytes }) => bytes)
  const measured = await Promise.all(images.map((image) => measure(image)))
  const sizes = measured.filter((size) => size !== undefined)
  const [first] = sizes
  if (first === undefined) throw missingParameter('image')
  return { images, sizes, mask: await readMask(payload, first), auto: nearest(first) }
}

async function readMask(payload: Payload, first: Size): Promise<Buffer | undefined> {
  const mask = payload.uploads.find(({ field }) => field === 'mask')
  if (mask === undefined) return undefined
  if (payload.repeated.includes('mask'))
    throw invalidRequest('duplicate_parameter', "Duplicate parameter: 'mask'.", 'mask')
  const size = await checkUpload(mask, invalidRequest)
  const problem =
    mask.mimeType !== 'image/png'
      ? 'it must be a PNG.'
      : mask.bytes.length >= 4 * 1024 * 1024
        ? 'it must be smaller than 4 MB.'
        : !size.hasAlpha
          ? 'it has no alpha channel.'
          : size.width !== first.width || size.height !== first.height
            ? 'its size differs from that of the image.'
            : undefined
  if (problem !== undefined) throw invalidRequest('invalid_mask_image_format', `Invalid mask image: ${problem}`, 'mask')
  return mask.bytes
}

/** With `auto` the model preserves the input's aspect ratio. */
function nearest({ width, height }: Size): Size {
  const ratio = width / height
  if (ratio > 1.2) return { width: 1536, height: 1024 }
  return ratio < 1 / 1.2 ? { width: 1024, height: 1536 } : { width: 1024, height: 1024 }
}

const partialTokens = 100

/** Token counts in the proportions that Azure reports. */
export function gptImageUsage({ prompt, tokens = { input: 0, output: 0 }, count, partials = 0 }: Job): object {
  const text = Math.max(1, Math.ceil(prompt.length / 4))
  const image = tokens.input
  const output = (tokens.output + partials * partialTokens) * count
  return {
    input_tokens: text + image,
    input_tokens_details: { image_tokens: image, text_tokens: text },
    output_tokens: output,
    total_tokens: text + image + output,
  }
}

/** The properties that Azure returns with the image. */
export function gptImageFacts({ background, format, quality, size }: Job): object {
  return {
    background: background === 'transparent' ? 'transparent' : 'opaque',
    output_format: format,
    quality: quality === undefined || quality === 'auto' ? 'high' : quality,
    size: `${size.width}x${size.height}`,
  }
}
