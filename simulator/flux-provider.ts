import { type AzureError, azureError, invalidPayload } from './azure-error.ts'
import { type JobReader, measure } from './job.ts'
import { checkSize, type Model, type Size } from './models.ts'
import { type Arguments, createArguments, type Payload, type Wording } from './payload.ts'

const wording: Wording = {
  unknown: (param) => invalidPayload(`Unknown parameter: '${param}'.`),
  missing: (param) => invalidPayload(`'${param}' is required.`),
  invalid: (param, expected) => invalidPayload(`'${param}' is not valid. ${expected}`),
}

const square = { width: 1024, height: 1024 }
const megapixel = 1024 * 1024
const largestSeed = 2 ** 32 - 1

/** `input_image`, `input_image_2`, … in order. A field `image` is silently ignored. */
export const inputImageFields = ({ fields }: Payload): string[] =>
  Object.keys(fields)
    .filter((name) => /^input_image(_\d+)?$/.test(name))
    .sort((a, b) => numberOf(a) - numberOf(b))

const numberOf = (name: string): number => Number(/\d+$/.exec(name)?.[0] ?? 1)

/**
 * The provider route of Black Forest Labs: JSON for generations and edits. Returns JPEG by default, ignores unknown fields
 * (including `size` and `image`), and snaps sizes to its grid. https://learn.microsoft.com/azure/ai-foundry/foundry-models/how-to/use-foundry-models-flux
 */
export const readFluxProviderJob: JobReader = async (model, operation, payload) => {
  const args = createArguments(payload, wording)
  const prompt = args.text('prompt', model.maxPromptChars)
  if (prompt === undefined || prompt === '') throw wording.missing('prompt')
  for (const name of ['n', 'num_images']) args.integer(name, 1, 1)
  const seed = args.integer('seed', 0, largestSeed)
  args.integer('safety_tolerance', 0, model.family === 'flux2' ? 5 : 6)
  args.number('guidance', 1.5, 10)
  args.flag('prompt_upsampling')
  if (model.steps === true) args.integer('steps', 1, 50)
  const format = args.choice('output_format', ['jpeg', 'png']) === 'png' ? 'png' : 'jpeg'
  const images = await readImages(model, payload)
  const size = model.exactSize === true ? exactSize(model, args) : await shapedSize(args, images[0])
  return { operation, prompt, size, count: 1, format, seed, images }
}

async function readImages(model: Model, payload: Payload): Promise<Buffer[]> {
  const images: Buffer[] = []
  for (const name of inputImageFields(payload)) {
    const value = payload.fields[name]
    const image = typeof value === 'string' ? decode(value) : undefined
    if (numberOf(name) > model.maxImages) throw wording.invalid(name, `${model.id} takes at most ${model.maxImages}.`)
    if (image === undefined) throw wording.invalid(name, 'Expected base64 without a data: prefix.')
    if ((await measure(image, 'png')) === undefined && (await measure(image, 'jpeg')) === undefined) {
      throw wording.invalid(name, 'Expected a readable PNG or JPEG image.')
    }
    images.push(image)
  }
  return images
}

const decode = (text: string): Buffer | undefined =>
  /^[A-Za-z0-9+/]+={0,2}$/.test(text) && text.length % 4 === 0 ? Buffer.from(text, 'base64') : undefined

/** Without `width` and `height` the image is 1024 × 1024, whatever the input's aspect ratio. */
function exactSize(model: Model, args: Arguments): Size {
  const { minEdge, maxEdge } = model.size
  const requested = {
    width: args.integer('width', minEdge, maxEdge) ?? square.width,
    height: args.integer('height', minEdge, maxEdge) ?? (model.family === 'flux1' ? 768 : square.height),
  }
  const size = checkSize(model.size, requested)
  if (typeof size === 'string') throw wording.invalid('width', size)
  return size
}

/** One megapixel in the requested aspect ratio, else in the input's. `width` and `height` have no effect. */
async function shapedSize(args: Arguments, image: Buffer | undefined): Promise<Size> {
  const text = args.text('aspect_ratio', 10)
  const input = image && (await measure(image))
  const [, across, down] = /^(\d{1,3}):(\d{1,3})$/.exec(text ?? '') ?? []
  if (text !== undefined && across === undefined) throw wording.invalid('aspect_ratio', "Expected '<width>:<height>'.")
  const [width, height] = text === undefined ? [input?.width ?? 1, input?.height ?? 1] : [Number(across), Number(down)]
  const ratio = width / height
  const widest = 21 / 9
  if (text !== undefined && !(ratio <= widest && ratio >= 1 / widest)) {
    throw wording.invalid('aspect_ratio', 'Expected a ratio from 21:9 to 9:21.')
  }
  const fitted = Math.min(widest, Math.max(1 / widest, ratio))
  const grid = (edge: number): number => Math.floor(edge / 16) * 16
  return { width: grid(Math.sqrt(megapixel * fitted)), height: grid(Math.sqrt(megapixel / fitted)) }
}

/** FLUX.2 returns 500 for a body without `model`. */
export const missingFluxModel = (path: string): AzureError =>
  path.startsWith('flux-2')
    ? azureError(500, 'InternalServerError', 'The server had an error while processing your request.')
    : wording.missing('model')

const megapixels = (pixels: number): number => Math.round((pixels / megapixel) * 100) / 100
const perMegapixel = 0.015

/** The quantities that Azure bills. */
export async function fluxMeta(images: readonly Buffer[], { width, height }: Size): Promise<object> {
  const sizes = await Promise.all(images.map((image) => measure(image)))
  const input = sizes.reduce((sum, size) => sum + (size === undefined ? 0 : size.width * size.height), 0)
  const cost = Math.round((megapixels(input) + megapixels(width * height) + 1) * perMegapixel * 1e4) / 1e4
  return {
    cost,
    input_mp: megapixels(input),
    output_mp: megapixels(width * height),
    total_pixels: input + width * height,
  }
}
