import Type, { type Static } from 'typebox'
import type { Model } from '../../schemas/models.ts'
import type { InlineBlob } from '../bytes/json/inline-blob.ts'
import { flag, several } from './capability.ts'
import {
  type BodyFormat,
  choice,
  enumeration,
  field,
  type ImageArgument,
  outside,
  type Parameter,
  parameter,
  ranged,
  toggle,
} from './parameter.ts'
import { size } from './size.ts'

/**
 * The arguments that depend on the model, one row each. Published schemas, checks, requests to Azure, fallbacks,
 * `list_models` and the tables of docs/models.md are derived from these rows; a row that lacks a wire form for one of the
 * body formats does not compile.
 */

const rows = {
  size,
  aspect_ratio: choice({
    member: 'aspectRatios',
    description: 'Shape of the image, instead of a size.',
    wire: {
      openai: undefined,
      openaiFlux: undefined,
      // Without a value the field that `size` has set stays.
      bfl: (ratio) => (ratio === undefined ? {} : { aspect_ratio: ratio }),
      mai: undefined,
    },
  }),
  n: parameter({
    capability: several('maxCount'),
    schema: (models) =>
      Type.Integer({
        description: 'Number of images to generate; 1 by default. Each image is billed.',
        minimum: 1,
        maximum: Math.max(...models.map(({ maxCount }) => maxCount)),
      }),
    rejects: (value, { maxCount }) => outside(value, { minimum: 1, maximum: maxCount }),
    isEssential: () => true,
    wire: { openai: (n = 1) => ({ n }), openaiFlux: (n = 1) => ({ n }), bfl: undefined, mai: undefined },
  }),
  seed: parameter({
    capability: flag('seed'),
    schema: () =>
      Type.Integer({
        description: 'The same seed and prompt generate a similar image.',
        minimum: 0,
        maximum: 2 ** 32 - 1,
      }),
    wire: { openai: undefined, openaiFlux: undefined, bfl: field('seed'), mai: undefined },
  }),
  quality: choice({
    member: 'qualities',
    description: 'Higher is finer, slower and more expensive; the model decides by default.',
    wire: { openai: field('quality'), openaiFlux: undefined, bfl: undefined, mai: undefined },
  }),
  complexity: choice({
    member: 'complexities',
    description: 'How elaborate the image is; the model decides by default.',
    wire: { openai: field('complexity'), openaiFlux: undefined, bfl: undefined, mai: undefined },
  }),
  output_format: parameter({
    capability: flag('choosesFormat'),
    schema: (models) =>
      enumeration(
        models.flatMap(({ formats }) => formats),
        'File format; by default the extension of output_path decides, else png.',
      ),
    rejects: (value, { formats }) => (formats.includes(value) ? undefined : formats.join(', ')),
    wire: {
      openai: field('output_format'),
      openaiFlux: undefined,
      // FLUX returns JPEG by default.
      bfl: (format, { model }) => ({ output_format: format ?? model.fields?.output_format ?? 'png' }),
      mai: undefined,
    },
  }),
  output_compression: parameter({
    capability: flag('compression'),
    schema: () => Type.Integer({ description: 'JPEG quality; 100 is the best.', minimum: 0, maximum: 100 }),
    wire: {
      openai: (value, { output_format }) => ({ output_compression: output_format === 'jpeg' ? value : undefined }),
      openaiFlux: undefined,
      bfl: undefined,
      mai: undefined,
    },
  }),
  background: choice({
    member: 'backgrounds',
    description: 'transparent requires png.',
    isEssential: (value) => value === 'transparent',
    wire: { openai: field('background'), openaiFlux: undefined, bfl: undefined, mai: field('background') },
  }),
  guidance: ranged({
    member: 'guidance',
    type: Type.Number,
    description: 'How closely to follow the prompt.',
    wire: { openai: undefined, openaiFlux: undefined, bfl: field('guidance'), mai: undefined },
  }),
  steps: ranged({
    member: 'steps',
    type: Type.Integer,
    description: 'Inference steps; more is finer and slower.',
    wire: { openai: undefined, openaiFlux: undefined, bfl: field('steps'), mai: undefined },
  }),
  auto_aspect_ratio: toggle({
    member: 'grounding',
    description: 'Let the model choose the shape.',
    wire: { openai: undefined, openaiFlux: undefined, bfl: undefined, mai: field('auto_aspect_ratio') },
  }),
  web_grounding: toggle({
    member: 'grounding',
    description: 'Let the model search the web first.',
    wire: { openai: undefined, openaiFlux: undefined, bfl: undefined, mai: field('web_grounding') },
  }),
  input_fidelity: choice({
    member: 'inputFidelities',
    operations: ['edit'],
    description: 'high preserves faces and details of the input image, and costs more.',
    wire: { openai: field('input_fidelity'), openaiFlux: undefined, bfl: undefined, mai: undefined },
  }),
}

type Rows = typeof rows
export type ParameterName = keyof Rows

/** The types of the arguments in a request to Azure. */
export type ParameterTypes = { [N in ParameterName]: Rows[N] extends Parameter<infer V, infer _A> ? V : never }
type ParameterArgumentTypes = { [N in ParameterName]: Rows[N] extends Parameter<infer _V, infer A> ? A : never }

export const parameters: { readonly [N in ParameterName]: Parameter<ParameterTypes[N], ParameterArgumentTypes[N]> } =
  rows

export const parameterNames: readonly ParameterName[] = Object.keys(rows).filter((name) => isParameterName(name))

function isParameterName(name: string): name is ParameterName {
  return Object.hasOwn(rows, name)
}

/** The arguments of a call. */
export type ParameterArguments = { [N in ParameterName]?: ParameterArgumentTypes[N] | undefined }

/** The arguments of a request to Azure. */
export type RequestParameters = { [N in ParameterName]?: ParameterTypes[N] | undefined }

const RegionSchema = Type.Object(
  {
    x: Type.Integer({ minimum: 0, maximum: 100_000, description: 'Left edge in pixels.' }),
    y: Type.Integer({ minimum: 0, maximum: 100_000, description: 'Top edge in pixels.' }),
    width: Type.Integer({ minimum: 1, maximum: 100_000 }),
    height: Type.Integer({ minimum: 1, maximum: 100_000 }),
  },
  {
    additionalProperties: false,
    description: 'Instead of a mask: the rectangle of the displayed image that the model may change.',
  },
)

const maskFields = { openai: 'mask', openaiFlux: 'mask', bfl: undefined, mai: undefined }

/** The fields of further images. In JSON they are numbered from 2. */
export const imageFields: Readonly<Record<BodyFormat, string>> = {
  openai: 'image[]',
  openaiFlux: 'image[]',
  bfl: 'input_image',
  mai: 'image',
}

/** Characters of an id, URI or link. */
export const MAX_REFERENCE_CHARACTERS = 8192

/** A text that stands for a stored image. */
export const reference = (description?: string) =>
  Type.String({ ...(description && { description }), minLength: 1, maxLength: MAX_REFERENCE_CHARACTERS })

const mask: ImageArgument<string | InlineBlob> = {
  operations: ['edit'],
  capability: () => flag('mask'),
  schema: () =>
    Type.String({
      description:
        'A PNG with transparency, as large as the image, as base64. The model may only change where it is transparent.',
      minLength: 1,
    }),
  fields: maskFields,
}

const storedMask: ImageArgument<string> = {
  operations: ['edit'],
  needsLibrary: true,
  capability: () => flag('mask'),
  schema: () => reference('The same as mask_base64, stored: its id, URI or link.'),
  fields: maskFields,
}

const maskRegion: ImageArgument<Static<typeof RegionSchema>> = {
  operations: ['edit'],
  capability: () => flag('mask'),
  schema: () => RegionSchema,
  fields: maskFields,
}

const maxReferences = (models: readonly Model[]) => Math.max(...models.map(({ maxImages }) => maxImages)) - 1

const storedReferences: ImageArgument<readonly string[]> = {
  operations: ['edit'],
  needsLibrary: true,
  capability: () => several('maxImages'),
  schema: (models) =>
    Type.Array(reference(), {
      description:
        'Ids, URIs or links of further stored images from which to take a face, a style or an object. The prompt says how ' +
        'to use them, by their number: the image to edit is image 1.',
      minItems: 1,
      maxItems: maxReferences(models),
    }),
  fields: imageFields,
}

const referenceImages: ImageArgument<readonly (string | InlineBlob)[]> = {
  operations: ['edit'],
  capability: () => several('maxImages'),
  schema: (models, { hasLibrary }) =>
    Type.Array(Type.String({ minLength: 1 }), {
      description: hasLibrary
        ? 'Further such images as base64; they are numbered after reference_images.'
        : 'Further images as base64 from which to take a face, a style or an object. The prompt says how to use them.',
      minItems: 1,
      maxItems: maxReferences(models),
    }),
  fields: imageFields,
}

/** Arguments that are sent as files. */
export const imageArguments = {
  mask_image: storedMask,
  mask_base64: mask,
  mask_region: maskRegion,
  reference_images: storedReferences,
  reference_images_base64: referenceImages,
}
