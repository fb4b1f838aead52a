import type { Model, Operation, SizeRule, Tokens } from '../../schemas/models.ts'
import { formatSize, parseSize } from '../imaging/size.ts'
import type { Size } from '../imaging/types.ts'
import { fitSize } from '../parameters/size-fitting.ts'
import type { ImageRequest, Usage } from './types.ts'
import { costOf } from './usage.ts'

/** What a price depends on. */
export interface PricedRequest {
  operation: Operation
  request: ImageRequest
  /** The images of an edit, the edited one first. */
  images: readonly Size[]
  hasMask: boolean
  /** Whether a partial image is sent, which costs tokens. */
  isStreamed: boolean
}

/** What the sizes of its images depend on. */
type SizedRequest = Pick<PricedRequest, 'operation' | 'request' | 'images'>

/** List prices in US dollars; undefined: unknown. */
export interface Price {
  /** For the expected usage. */
  listUsd: number | undefined
  /** For the highest usage that these arguments allow. */
  maxUsd: number | undefined
}

type Estimate = 'expected' | 'highest'

const MEGAPIXEL = 1_048_576
const SQUARE: Size = { width: 1024, height: 1024 }
/** https://developers.openai.com/api/docs/guides/image-generation: "each partial image will incur an additional 100 image output tokens". */
const PARTIAL_TOKENS = 100
const CHARACTERS_PER_TOKEN = 4
/** Tokens that are counted beside the prompt: up to 32 were seen. */
const EXTRA_TEXT_TOKENS = 64

/** What a request costs on a model, before it is sent. */
export function priceOf(model: Model, priced: PricedRequest): Price {
  const usd = (estimate: Estimate) => {
    const usage = usageOf(model, priced, estimate)
    const { operation, request } = priced
    return usage && costOf(model.price, { operation, images: request.n ?? 1, usage })
  }
  return { listUsd: usd('expected'), maxUsd: usd('highest') }
}

/** Undefined: what Azure counts is unknown. */
function usageOf(model: Model, priced: PricedRequest, estimate: Estimate): Usage | undefined {
  // What a search of the web costs is not published.
  const searches = (priced.request.web_grounding ?? model.fields?.web_grounding) === true
  if (model.price === undefined || searches) return undefined
  if (model.price.image !== undefined) return {}
  return model.price.megapixelOut === undefined
    ? model.tokens && tokenUsage(model.tokens, model, priced, estimate)
    : megapixelUsage(model, priced, estimate)
}

/** Azure reports hundredths of megapixels, which are billed in whole ones. */
function megapixelUsage(model: Model, priced: PricedRequest, estimate: Estimate): Usage | undefined {
  const areas = sizesFor(model, priced, estimate).map(areaOf)
  if (areas.length === 0) return undefined
  const inputs = priced.images.map(areaOf)
  const rounded = (area: number) => Math.round((area / MEGAPIXEL) * 100) / 100
  return estimate === 'expected'
    ? { megapixelsIn: rounded(sum(inputs)), megapixelsOut: rounded(Math.max(...areas)) }
    : {
        megapixelsIn: sum(inputs.map((area) => Math.ceil(area / MEGAPIXEL))),
        megapixelsOut: Math.ceil(Math.max(...areas) / MEGAPIXEL),
      }
}

function tokenUsage(
  { output, input }: Tokens,
  model: Model,
  priced: PricedRequest,
  estimate: Estimate,
): Usage | undefined {
  const { request, images, hasMask, isStreamed } = priced
  const count = request.n ?? 1
  const sizes = sizesFor(model, priced, estimate)
  const quality = qualityOf(model, request)
  const chosen = quality === 'auto' ? undefined : quality
  const each = sizes.map((size) => outputTokens(output, size, chosen, estimate))
  if (each.length === 0 || each.includes(undefined)) return undefined
  const perImage = Math.max(...each.map((tokens = 0) => tokens)) + (isStreamed ? PARTIAL_TOKENS : 0)
  const isHighFidelity = (request.input_fidelity ?? model.fields?.input_fidelity) === 'high'
  const inputs = images.map((size) => inputTokens(input, size, isHighFidelity, estimate))
  // Whether a mask is counted is not published.
  const [first = 0] = inputs
  const imageTokens = sum(inputs) + (hasMask && estimate === 'highest' ? first : 0)
  const { length } = request.prompt
  const textTokens =
    estimate === 'expected'
      ? Math.max(1, Math.ceil(length / CHARACTERS_PER_TOKEN))
      : // No token is shorter than a byte.
        Buffer.byteLength(request.prompt) + EXTRA_TEXT_TOKENS
  // Several images were reported to be billed like as many calls.
  const times = estimate === 'expected' ? 1 : count
  return {
    textTokensIn: textTokens * times,
    imageTokensIn: imageTokens * times,
    tokensOut: perImage * count,
  }
}

/** `auto`: the model chooses it; undefined: it has none. */
export function qualityOf({ fields, qualities }: Model, { quality }: ImageRequest): string | undefined {
  const fixed = fields?.quality
  return quality ?? (fixed === undefined ? (qualities.length > 0 ? 'auto' : undefined) : String(fixed))
}

/** Pixels of the largest image that may come; undefined: unknown. */
export function mostPixels(model: Model, priced: SizedRequest): number | undefined {
  const areas = sizesFor(model, priced, 'highest').map(areaOf)
  return areas.length === 0 ? undefined : Math.round(Math.max(...areas))
}

function outputTokens(
  output: Tokens['output'],
  size: Size,
  quality: string | undefined,
  estimate: Estimate,
): number | undefined {
  if (output.kind === 'pixels') {
    const tokens = areaOf(size) / output.pixelsPerToken
    return estimate === 'expected' ? Math.round(tokens) : Math.ceil(tokens)
  }
  if (quality === undefined && estimate === 'highest') {
    const all = Object.keys(output.qualities).map((each) => outputTokens(output, size, each, estimate))
    return all.reduce<number | undefined>((most, each) => (each === undefined ? most : Math.max(most ?? 0, each)), 0)
  }
  // Azure's default: https://learn.microsoft.com/azure/foundry/openai/how-to/dall-e
  const name = quality ?? 'high'
  if (output.kind === 'table') return member(member(output.qualities, name) ?? {}, formatSize(size))
  const cells = member(output.qualities, name)
  return cells && gridTokens(cells, size)
}

/** https://community.openai.com/t/gpt-image-2-output-pricing-calculator-online-and-in-your-code/1382699 */
function gridTokens(cells: number, { width, height }: Size): number {
  const [short, long] = width < height ? [width, height] : [height, width]
  const across = Math.round((cells * short) / long)
  return Math.ceil((cells * across * (2_000_000 + width * height)) / 4_000_000)
}

function inputTokens(input: Tokens['input'], size: Size, isHighFidelity: boolean, estimate: Estimate): number {
  switch (input.kind) {
    case 'image':
      return estimate === 'expected' ? input.image : input.maximum
    case 'patches':
      return estimate === 'expected' ? patchesOf(size, input.maximum) : input.maximum
    case 'tiles': {
      const extra = size.width === size.height ? input.highSquare : input.highOther
      return input.image + input.tile * tilesOf(size, estimate) + (isHighFidelity ? extra : 0)
    }
    default:
      return input satisfies never
  }
}

const TILE = 512

/** Rounded down, as Azure was seen to do; https://community.openai.com/t/1281361 */
function tilesOf({ width, height }: Size, estimate: Estimate): number {
  const scale = Math.min(1, TILE / Math.min(width, height))
  const tiles = (edge: number) => {
    const scaled = edge * scale
    return Math.ceil((estimate === 'expected' ? Math.max(1, Math.floor(scaled)) : scaled) / TILE)
  }
  return tiles(width) * tiles(height)
}

const PATCH = 32

/** Small images are enlarged up to twice; the canvas is at most three times as long as wide. https://community.openai.com/t/1382940 */
function patchesOf({ width, height }: Size, maximum: number): number {
  const scale = Math.max(1, Math.min(2, 1024 / Math.max(width, height)))
  const long = Math.max(width, height) * scale
  const short = Math.max(Math.min(width, height) * scale, long / 3)
  const count = (factor: number) => Math.ceil((long * factor) / PATCH) * Math.ceil((short * factor) / PATCH)
  if (count(1) <= maximum) return count(1)
  return Math.min(maximum, count(Math.sqrt((maximum * PATCH ** 2) / (long * short))))
}

/** The size of the images, or those of which any may come. */
function sizesFor(model: Model, { operation, request, images }: SizedRequest, estimate: Estimate): readonly Size[] {
  const isChosen = (request.auto_aspect_ratio ?? model.fields?.auto_aspect_ratio) === true
  if (request.size !== undefined && !isChosen) return [request.size]
  const rule = operation === 'edit' && model.editSize.kind !== 'none' ? model.editSize : model.generateSize
  return estimate === 'highest' ? largestOf(rule) : [usualSize(rule, request.size ?? images[0] ?? SQUARE)]
}

const usualSize = (rule: SizeRule, { width, height }: Size) => fitSize(rule, { width, height, pixels: MEGAPIXEL })

function largestOf(rule: SizeRule): readonly Size[] {
  if (rule.kind === 'none') return []
  if (rule.kind === 'choices')
    return rule.sizes.map(parseSize).filter((size) => typeof size === 'object' && 'width' in size)
  // Of all shapes with as many pixels a square costs most.
  const edge = Math.sqrt(rule.maxPixels)
  return [{ width: edge, height: edge }]
}

const areaOf = ({ width, height }: Size) => width * height
const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0)

/** The names come from clients and files. */
function member<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined
}
