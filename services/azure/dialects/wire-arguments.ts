import type { DialectName, Model } from '../../../schemas/models.ts'

/** An argument that a row of the model table may allow. */
interface ArgumentRule {
  name: string
  /** Its member of a row, as a models file writes it. */
  member: string
  isAllowed(model: Model): boolean
  /** The row if it did not allow it. */
  without(model: Model): Model
}

/** Every argument beside the prompt and one image, and how a row allows it. */
export const wireArguments = [
  {
    name: 'size',
    member: 'generate_size',
    isAllowed: ({ operations, generateSize }) => operations.includes('generate') && generateSize.kind !== 'none',
    without: (model) => ({ ...model, generateSize: { kind: 'none' } }),
  },
  {
    name: 'size of an edit',
    member: 'edit_size',
    isAllowed: ({ operations, editSize }) => operations.includes('edit') && editSize.kind !== 'none',
    without: (model) => ({ ...model, editSize: { kind: 'none' } }),
  },
  {
    name: 'aspect_ratio',
    member: 'aspect_ratios',
    isAllowed: ({ aspectRatios }) => aspectRatios.length > 0,
    without: (model) => ({ ...model, aspectRatios: [] }),
  },
  {
    name: 'n',
    member: 'max_count',
    isAllowed: ({ maxCount }) => maxCount > 1,
    without: (model) => ({ ...model, maxCount: 1 }),
  },
  {
    name: 'further images',
    member: 'max_images',
    isAllowed: ({ maxImages }) => maxImages > 1,
    without: (model) => ({ ...model, maxImages: 1 }),
  },
  {
    name: 'field for further images',
    member: 'images_field',
    isAllowed: ({ imagesField }) => imagesField !== undefined,
    without: ({ imagesField: _field, ...model }) => model,
  },
  {
    name: 'mask',
    member: 'mask',
    isAllowed: ({ mask }) => mask,
    without: (model) => ({ ...model, mask: false }),
  },
  {
    name: 'seed',
    member: 'seed',
    isAllowed: ({ seed }) => seed,
    without: (model) => ({ ...model, seed: false }),
  },
  {
    name: 'quality',
    member: 'qualities',
    isAllowed: ({ qualities }) => qualities.length > 0,
    without: (model) => ({ ...model, qualities: [] }),
  },
  {
    name: 'output_format',
    member: 'chooses_format',
    isAllowed: ({ choosesFormat }) => choosesFormat,
    without: (model) => ({ ...model, choosesFormat: false }),
  },
  {
    name: 'output_compression',
    member: 'compression',
    isAllowed: ({ compression }) => compression,
    without: (model) => ({ ...model, compression: false }),
  },
  {
    name: 'background',
    member: 'backgrounds',
    isAllowed: ({ backgrounds }) => backgrounds.length > 0,
    without: (model) => ({ ...model, backgrounds: [] }),
  },
  {
    name: 'input_fidelity',
    member: 'input_fidelities',
    isAllowed: ({ inputFidelities }) => inputFidelities.length > 0,
    without: (model) => ({ ...model, inputFidelities: [] }),
  },
  {
    name: 'guidance',
    member: 'guidance',
    isAllowed: ({ guidance }) => guidance !== undefined,
    without: ({ guidance: _guidance, ...model }) => model,
  },
  {
    name: 'steps',
    member: 'steps',
    isAllowed: ({ steps }) => steps !== undefined,
    without: ({ steps: _steps, ...model }) => model,
  },
  {
    name: 'auto_aspect_ratio and web_grounding',
    member: 'grounding',
    isAllowed: ({ grounding }) => grounding,
    without: (model) => ({ ...model, grounding: false }),
  },
  {
    name: 'event stream',
    member: 'streaming',
    isAllowed: ({ streaming }) => streaming,
    without: (model) => ({ ...model, streaming: false }),
  },
] as const satisfies readonly ArgumentRule[]
export type WireArgument = (typeof wireArguments)[number]['name']

const imageApi = ['size', 'size of an edit', 'n', 'further images', 'field for further images', 'mask'] as const
const gptImageApi = [
  ...imageApi,
  'quality',
  'output_format',
  'output_compression',
  'background',
  'input_fidelity',
  'event stream',
] as const

/**
 * What each dialect puts into a request. An argument that is missing here is one that the dialect drops, so that no row
 * may allow it there: a caller would pay for an image that ignores it.
 */
export const expressed: Readonly<Record<DialectName, readonly WireArgument[]>> = {
  deployments: gptImageApi,
  v1: gptImageApi,
  bfl: ['size', 'size of an edit', 'aspect_ratio', 'further images', 'seed', 'output_format', 'guidance', 'steps'],
  mai: [
    'size',
    'size of an edit',
    'further images',
    'field for further images',
    'background',
    'auto_aspect_ratio and web_grounding',
  ],
}

/** FLUX takes less of the image API than gpt-image does: a prompt, a number, a size and images. */
export function expressedFor(model: Model, dialect: DialectName): readonly WireArgument[] {
  const isFlux = model.providerPath !== undefined && dialect !== 'bfl' && dialect !== 'mai'
  return isFlux ? imageApi : expressed[dialect]
}

/** What a row allows and none of its routes can send, each as a sentence for the operator. */
export function unreachable(model: Model): string[] {
  const routes = model.dialects.map((dialect) => expressedFor(model, dialect))
  const isSent = (name: WireArgument) => routes.some((names) => names.includes(name))
  const who = `the ${model.dialects.join(' and ')} ${model.dialects.length > 1 ? 'routes have' : 'route has'}`
  const lost = wireArguments
    .filter(({ name, isAllowed }) => isAllowed(model) && !isSent(name))
    .map(({ name, member }) => `${who} no ${name} (${member})`)
  const hasJpeg = model.choosesFormat && model.formats.includes('jpeg')
  if (!model.compression || hasJpeg) return lost
  return [...lost, 'compression is that of JPEG, which needs chooses_format and "jpeg" among the formats']
}

/** The row without what the dialect cannot send, so that it is neither offered nor dropped. */
export function withoutUnexpressed(model: Model, dialect: DialectName): Model {
  const names = expressedFor(model, dialect)
  let row = model
  for (const { name, isAllowed, without } of wireArguments) {
    if (isAllowed(row) && !names.includes(name)) row = without(row)
  }
  return row
}
