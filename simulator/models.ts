/** The simulated models with their documented limits. Independent of the service's table, so that a mistake in one shows in the other. */

export type Dialect = 'deployments' | 'v1' | 'bfl' | 'mai'
export type Operation = 'generations' | 'edits'
export type Family = 'gpt-image' | 'flux1' | 'flux2' | 'mai'

export interface SizeRule {
  /** Only these `WxH`. */
  only?: readonly string[]
  /** Both edges are multiples of this; `snap` says whether others are rounded down or rejected. */
  step: number
  snap: boolean
  minEdge: number
  maxEdge: number
  minPixels: number
  maxPixels: number
  /** Longer edge over shorter edge. */
  maxRatio: number
}

export interface Model {
  id: string
  family: Family
  dialects: readonly Dialect[]
  operations: readonly Operation[]
  size: SizeRule
  maxPromptChars: number
  /** Maximum number of input images of an edit. */
  maxImages: number
  /** Last part of the provider route; the model, not the deployment. */
  providerPath?: string
  qualities?: readonly string[]
  inputFidelity?: boolean
  /** Supports `auto_aspect_ratio` and `web_grounding`. */
  grounding?: boolean
  /** Supports `steps`. */
  steps?: boolean
  /** Supports `width` and `height` on the provider route, else `aspect_ratio`. */
  exactSize?: boolean
  /** MAI: edits support `width` and `height`. */
  editSize?: boolean
  /** MAI: values of `background`. */
  backgrounds?: readonly string[]
}

const free: SizeRule = {
  step: 1,
  snap: false,
  minEdge: 1,
  maxEdge: 16384,
  minPixels: 1,
  maxPixels: 16384 ** 2,
  maxRatio: 16384,
}
const megapixel = 1024 * 1024
const both: readonly Operation[] = ['generations', 'edits']
const gptImage: Omit<Model, 'id'> = {
  family: 'gpt-image',
  dialects: ['deployments', 'v1'],
  operations: both,
  size: { ...free, only: ['1024x1024', '1024x1536', '1536x1024'] },
  maxPromptChars: 32_000,
  maxImages: 16,
  qualities: ['low', 'medium', 'high', 'auto'],
  inputFidelity: true,
}
const gptImage2: Omit<Model, 'id'> = {
  ...gptImage,
  size: { step: 16, snap: false, minEdge: 16, maxEdge: 3840, minPixels: 655_360, maxPixels: 8_294_400, maxRatio: 3 },
}
const gptImage25: Omit<Model, 'id'> = { ...gptImage2, qualities: ['low', 'medium', 'high', 'xhigh', 'max', 'auto'] }
const flux2: Omit<Model, 'id'> = {
  family: 'flux2',
  dialects: ['bfl'],
  operations: both,
  size: { ...free, step: 16, snap: true, minEdge: 64, maxPixels: 4 * megapixel },
  maxPromptChars: 128_000,
  maxImages: 8,
  exactSize: true,
}
const mai: Omit<Model, 'id'> = {
  family: 'mai',
  dialects: ['mai'],
  operations: both,
  size: { ...free, step: 16, snap: true, minEdge: 768, maxPixels: megapixel },
  maxPromptChars: 128_000,
  maxImages: 5,
}
const mai26: Omit<Model, 'id'> = {
  ...mai,
  grounding: true,
  editSize: true,
  size: { ...mai.size, maxPixels: 1536 * 1536 },
}
const mai27: Omit<Model, 'id'> = {
  ...mai,
  editSize: true,
  backgrounds: ['transparent', 'opaque'],
  size: { ...mai.size, maxPixels: 4 * megapixel },
}

export const models: readonly Model[] = [
  { id: 'gpt-image-1', ...gptImage },
  { id: 'gpt-image-1-mini', ...gptImage, inputFidelity: false },
  { id: 'gpt-image-1.5', ...gptImage },
  { id: 'gpt-image-2', ...gptImage2 },
  { id: 'gpt-image-2.5-flare', ...gptImage25 },
  { id: 'gpt-image-2.5-sunburst', ...gptImage25 },
  {
    id: 'FLUX.1-Kontext-pro',
    family: 'flux1',
    dialects: ['deployments', 'bfl'],
    operations: both,
    size: { ...free, step: 16, snap: true, minEdge: 256, maxPixels: megapixel },
    maxPromptChars: 20_000,
    maxImages: 1,
    providerPath: 'flux-kontext-pro',
  },
  {
    id: 'FLUX-1.1-pro',
    family: 'flux1',
    dialects: ['deployments', 'bfl'],
    operations: ['generations'],
    size: { ...free, step: 32, snap: false, minEdge: 256, maxEdge: 1440, maxPixels: 1.6 * megapixel },
    maxPromptChars: 20_000,
    maxImages: 0,
    providerPath: 'flux-pro-1.1',
    exactSize: true,
  },
  { id: 'FLUX.2-pro', ...flux2, providerPath: 'flux-2-pro' },
  { id: 'FLUX.2-flex', ...flux2, providerPath: 'flux-2-flex', maxImages: 10, steps: true },
  { id: 'MAI-Image-2.5', ...mai },
  { id: 'MAI-Image-2.5-Flash', ...mai },
  { id: 'MAI-Image-2.5-Pro', ...mai },
  { id: 'MAI-Image-2.6', ...mai26 },
  { id: 'MAI-Image-2.6-Flash', ...mai26 },
  { id: 'MAI-Image-2.7', ...mai27 },
  { id: 'MAI-Image-2.7-Flash', ...mai27 },
]

/** @throws {Error} for an unknown model */
export function findModel(id: string): Model {
  const model = models.find((known) => known.id.toLowerCase() === id.toLowerCase())
  if (model === undefined)
    throw new Error(`unknown model ${id}; the simulator has ${models.map((known) => known.id).join(', ')}`)
  return model
}

export interface Size {
  width: number
  height: number
}

export const parseSize = (text: string): Size | undefined => {
  const match = /^(\d{1,5})x(\d{1,5})$/.exec(text)
  return match === null ? undefined : { width: Number(match[1]), height: Number(match[2]) }
}

/** The size of the generated image, or a sentence about what is wrong with the requested one. */
export function checkSize(rule: SizeRule, { width, height }: Size): Size | string {
  if (rule.only !== undefined && !rule.only.includes(`${width}x${height}`)) {
    return `Supported values are: ${[...rule.only, 'auto'].map((size) => `'${size}'`).join(', ')}.`
  }
  for (const [edge, pixels] of [
    ['width', width],
    ['height', height],
  ] as const) {
    if (pixels < rule.minEdge) return `'${edge}' must be at least ${rule.minEdge} pixels.`
    if (pixels > rule.maxEdge) return `'${edge}' must be at most ${rule.maxEdge} pixels.`
    if (!rule.snap && pixels % rule.step !== 0) return `'${edge}' must be divisible by ${rule.step}.`
  }
  const pixels = width * height
  if (pixels > rule.maxPixels) return `The image has more than ${rule.maxPixels} pixels.`
  if (pixels < rule.minPixels) return `The image has fewer than ${rule.minPixels} pixels.`
  if (Math.max(width, height) > rule.maxRatio * Math.min(width, height))
    return `The longer edge is more than ${rule.maxRatio} times the shorter.`
  return { width: width - (width % rule.step), height: height - (height % rule.step) }
}
