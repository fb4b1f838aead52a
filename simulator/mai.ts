import { missingParameter, unsupportedValue } from './azure-error.ts'
import { type Job, type JobReader, measure, readUploads } from './job.ts'
import { checkSize, type Model, type Size } from './models.ts'
import { type Arguments, createArguments, type Wording } from './payload.ts'

const wording: Wording = {
  unknown: (param) => unsupportedValue(`'${param}' is not supported.`),
  missing: missingParameter,
  invalid: (param, expected) => unsupportedValue(`'${param}' is not valid. ${expected}`),
}

const square = { width: 1024, height: 1024 }
// Accepted without effect: https://github.com/BerriAI/litellm/pull/40074
const ignored = ['n', 'sampleCount']

/**
 * MAI: JSON for generations, a form for edits, always one PNG.
 * https://learn.microsoft.com/azure/ai-foundry/foundry-models/how-to/use-foundry-models-mai
 */
export const readMaiJob: JobReader = async (model, operation, payload) => {
  const isEdit = operation === 'edits'
  const args = createArguments(payload, wording)
  const grounding = model.grounding === true ? ['auto_aspect_ratio', 'web_grounding'] : []
  const size = !isEdit || model.editSize === true ? ['width', 'height'] : []
  const background = model.backgrounds === undefined ? [] : ['background']
  args.rejectOthers(['prompt'], ignored, grounding, size, background, isEdit ? ['size', 'image', 'image[]'] : [])
  for (const name of grounding) args.flag(name)
  const prompt = args.text('prompt', model.maxPromptChars)
  if (prompt === undefined || prompt === '') throw missingParameter('prompt')
  const job = {
    operation,
    prompt,
    count: 1,
    format: 'png' as const,
    background: args.choice('background', model.backgrounds ?? []),
  }
  if (!isEdit) return { ...job, size: readSize(model, args, square), images: [] }
  if (payload.uploads.some(({ field }) => field === 'mask')) throw wording.unknown('mask')
  const images = (await readUploads(payload, model.maxImages, 'image')).map(({ bytes }) => bytes)
  const input = images[0] && (await measure(images[0]))
  return { ...job, size: readSize(model, args, input === undefined ? square : likeInput(model, input)), images }
}

function readSize(model: Model, args: Arguments, usual: Size): Size {
  const most = 16_384
  const [width, height] = [args.integer('width', 1, most), args.integer('height', 1, most)]
  if (width === undefined && height === undefined) return usual
  const requested = { width: width ?? square.width, height: height ?? square.height }
  const size = checkSize(model.size, requested)
  if (typeof size === 'string') throw unsupportedValue(size)
  return size
}

/** The input's aspect ratio, within the minimum edge and the pixel budget. */
function likeInput({ size: { minEdge, maxPixels, step } }: Model, { width, height }: Size): Size {
  const steepest = maxPixels / minEdge ** 2
  const ratio = Math.min(steepest, Math.max(1 / steepest, width / height))
  const area = Math.min(maxPixels, 1024 * 1024)
  const grid = (edge: number): number => Math.max(minEdge, Math.floor(edge / step) * step)
  return { width: grid(Math.sqrt(area * ratio)), height: grid(Math.sqrt(area / ratio)) }
}

/** Token counts under MAI's own names. */
export function maiUsage({ prompt, images, size }: Job): object {
  return {
    num_input_text_tokens: Math.max(1, Math.ceil(prompt.length / 4)),
    num_input_image_tokens: images.length * 1024,
    num_output_tokens: Math.round((size.width * size.height) / 1024),
  }
}
