import Type, { type Static, type TSchema } from 'typebox'
import type { DeploymentInfo, Operation } from '../azure/types.ts'
import type { InlineBlob } from '../bytes/json/inline-blob.ts'
import { SIZE_PATTERN } from './size.ts'

/**
 * What callers may write, and what of it a deployment's model can do. The schema that a client sees has just those
 * arguments and choices; with several deployments it has what any of them can do, and `refuseForeign` holds a call to
 * the one that it names.
 */

/** https://learn.microsoft.com/azure/foundry/openai/reference-preview-latest: the longest prompt any model documents. */
const MAX_PROMPT_CHARACTERS = 32_000

export const RegionSchema = Type.Object(
  {
    x: Type.Integer({ minimum: 0, maximum: 100_000, description: 'Left edge in pixels, from the left.' }),
    y: Type.Integer({ minimum: 0, maximum: 100_000, description: 'Top edge in pixels, from the top.' }),
    width: Type.Integer({ minimum: 1, maximum: 100_000 }),
    height: Type.Integer({ minimum: 1, maximum: 100_000 }),
  },
  { additionalProperties: false },
)

/** Base64, which is no string any more if it is long; the published schema has judged it. */
export const ImageTextSchema = Type.Unsafe<string | InlineBlob>({})

/** Every argument that any tool takes beside the prompt and the image. */
export const OptionsSchema = Type.Object({
  model: Type.Optional(Type.String()),
  size: Type.Optional(Type.String({ pattern: SIZE_PATTERN })),
  aspect_ratio: Type.Optional(Type.String()),
  n: Type.Optional(Type.Integer()),
  seed: Type.Optional(Type.Integer()),
  quality: Type.Optional(Type.String()),
  output_format: Type.Optional(Type.Enum(['png', 'jpeg'])),
  output_compression: Type.Optional(Type.Integer()),
  background: Type.Optional(Type.String()),
  guidance: Type.Optional(Type.Number()),
  steps: Type.Optional(Type.Integer()),
  auto_aspect_ratio: Type.Optional(Type.Boolean()),
  web_grounding: Type.Optional(Type.Boolean()),
  input_fidelity: Type.Optional(Type.String()),
  mask_base64: Type.Optional(ImageTextSchema),
  mask_region: Type.Optional(RegionSchema),
  reference_images_base64: Type.Optional(Type.Array(ImageTextSchema)),
  output_path: Type.Optional(Type.String()),
  idempotency_key: Type.Optional(Type.String()),
})
export type Options = Static<typeof OptionsSchema>

/** Arguments that a client may send as null to any model, because another model or transport has them. */
export const optionNames: readonly string[] = [...Object.keys(OptionsSchema.properties), 'image_path']

export const promptArgument = (description: string, { can }: DeploymentInfo) =>
  Type.String({
    description: can.promptAdvice === undefined ? description : `${description} ${can.promptAdvice}`,
    minLength: 1,
    maxLength: Math.min(MAX_PROMPT_CHARACTERS, can.maxPromptCharacters),
  })

export const imagePathArgument = Type.String({
  description: 'Absolute path of the image to change, on the machine of the user. It is only read.',
  minLength: 1,
  maxLength: 4096,
})

const outputPathArgument = Type.String({
  description:
    "Where to save the image on the server, inside its images folder, such as 'sunset.png' or 'trips/sunset.png'. " +
    'The image is saved and returned. An existing file is never replaced: a number is added to the name and the true ' +
    'path is reported. Leave it out to only get the image back.',
  minLength: 1,
  maxLength: 1024,
})

const idempotencyKeyArgument = Type.String({
  description:
    'Any new text for each new image. A call that is repeated with the same key and arguments within 24 hours returns ' +
    'the same image and is not paid again.',
  pattern: '^[!-~]{1,128}$',
  maxLength: 128,
})

/** With its type: several clients reject a whole request for one node of a schema that has none. */
const choice = (description: string, values: readonly string[]) =>
  Type.Enum([...values], { type: 'string', description })

/** All values that a list of any of these models has, in order. */
const anyOf = (
  deployments: readonly DeploymentInfo[],
  values: (deployment: DeploymentInfo) => readonly string[],
): string[] => [...new Set(deployments.flatMap((deployment) => values(deployment)))]

const widest = (ranges: readonly ({ minimum: number; maximum: number } | undefined)[]) => {
  const known = ranges.filter((range) => range !== undefined)
  if (known.length === 0) return undefined
  return {
    minimum: Math.min(...known.map(({ minimum }) => minimum)),
    maximum: Math.max(...known.map(({ maximum }) => maximum)),
  }
}

type Properties = Record<string, TSchema>

/** The optional arguments that at least one of these deployments can follow in this operation. */
export function optionProperties(
  operation: Operation,
  deployments: readonly DeploymentInfo[],
  sizeDescription: string,
): Properties {
  const [first] = deployments
  const properties: [string, TSchema | false | undefined][] = [
    [
      'model',
      deployments.length > 1 &&
        choice(
          `Which model to use; ${first?.name} by default. list_models says what each can do.`,
          anyOf(deployments, ({ name }) => [name]),
        ),
    ],
    ...shapeProperties(operation, deployments, sizeDescription),
    ...drawingProperties(operation, deployments),
    ...(operation === 'edit' ? editProperties(deployments) : []),
    ['output_path', outputPathArgument],
    ['idempotency_key', idempotencyKeyArgument],
  ]
  return Object.fromEntries(
    properties
      .filter((entry): entry is [string, TSchema] => entry[1] !== false && entry[1] !== undefined)
      .map(([name, schema]) => [name, Type.Optional(schema)]),
  )
}

type Candidates = [string, TSchema | false | undefined][]

function shapeProperties(
  operation: Operation,
  deployments: readonly DeploymentInfo[],
  description: string,
): Candidates {
  const ratios = anyOf(deployments, ({ can }) => can.aspectRatios)
  return [
    [
      'size',
      deployments.some((deployment) => takesSize(operation, deployment)) &&
        Type.String({
          description: `${description}${sizeAdvice(operation, deployments)}`,
          pattern: SIZE_PATTERN,
          maxLength: 32,
        }),
    ],
    ['aspect_ratio', ratios.length > 0 && choice('Shape of the image, instead of a size.', ratios)],
  ]
}

function drawingProperties(operation: Operation, deployments: readonly DeploymentInfo[]): Candidates {
  const most = Math.max(...deployments.map(({ can }) => can.maxCount))
  const guidance = widest(deployments.map(({ can }) => can.guidance))
  const steps = widest(deployments.map(({ can }) => can.steps))
  const list = (values: (deployment: DeploymentInfo) => readonly string[], description: string) => {
    const all = anyOf(deployments, values)
    return all.length > 0 && choice(description, all)
  }
  const any = (can: (deployment: DeploymentInfo) => boolean, schema: TSchema) => deployments.some(can) && schema
  return [
    [
      'n',
      most > 1 &&
        Type.Integer({
          description: 'How many images to make; 1 by default. Each is paid for.',
          minimum: 1,
          maximum: most,
        }),
    ],
    [
      'seed',
      any(
        ({ can }) => can.seed,
        Type.Integer({
          description: 'The same seed and prompt give a similar image again.',
          minimum: 0,
          maximum: 2 ** 32 - 1,
        }),
      ),
    ],
    [
      'quality',
      list(({ can }) => can.qualities, 'Higher is finer, slower and more expensive; the model decides by default.'),
    ],
    [
      'output_format',
      any(
        ({ can }) => can.choosesFormat,
        choice('File format; the ending of output_path decides by default, else png.', ['png', 'jpeg']),
      ),
    ],
    [
      'output_compression',
      any(
        ({ can }) => can.compression,
        Type.Integer({ description: 'JPEG quality; 100 is the best.', minimum: 0, maximum: 100 }),
      ),
    ],
    ['background', list(({ can }) => can.backgrounds, 'transparent needs png.')],
    ['guidance', guidance && Type.Number({ description: 'How strictly to follow the prompt.', ...guidance })],
    ['steps', steps && Type.Integer({ description: 'Drawing steps; more is finer and slower.', ...steps })],
    [
      'auto_aspect_ratio',
      any(({ can }) => can.grounding, Type.Boolean({ description: 'Let the model choose the shape.' })),
    ],
    [
      'web_grounding',
      any(({ can }) => can.grounding, Type.Boolean({ description: 'Let the model look things up on the web first.' })),
    ],
    [
      'input_fidelity',
      operation === 'edit' &&
        list(({ can }) => can.inputFidelities, 'high keeps faces and details of the sent image, and costs more.'),
    ],
  ]
}

function editProperties(deployments: readonly DeploymentInfo[]): Candidates {
  const most = Math.max(...deployments.map(({ can }) => can.maxImages))
  const masks = deployments.some(({ can }) => can.mask)
  const image = Type.String({ minLength: 1 })
  return [
    [
      'mask_base64',
      masks &&
        Type.String({
          description:
            'A PNG with transparency, as large as the image, as base64: only where it is transparent may the model paint.',
          minLength: 1,
        }),
    ],
    [
      'mask_region',
      masks &&
        Type.Object(RegionSchema.properties, {
          additionalProperties: false,
          description: 'Instead of a mask: the rectangle of the image, as it is shown, in which the model may paint.',
        }),
    ],
    [
      'reference_images_base64',
      most > 1 &&
        Type.Array(image, {
          description:
            'Further images to take things from, as base64: a face, a style, an object. The prompt says how.',
          minItems: 1,
          maxItems: most - 1,
        }),
    ],
  ]
}

export function takesSize(operation: Operation, { can }: DeploymentInfo): boolean {
  return (operation === 'edit' ? can.editSize : can.generateSize).kind !== 'none'
}

function sizeAdvice(operation: Operation, deployments: readonly DeploymentInfo[]): string {
  const rules = deployments.map(({ can }) => (operation === 'edit' ? can.editSize : can.generateSize))
  const sizes = [...new Set(rules.flatMap((rule) => (rule.kind === 'choices' ? rule.sizes : [])))]
  const isFixed = rules.every(({ kind }) => kind === 'choices')
  const good = isFixed ? sizes : ['1024x1024', '1024x1536 (upright)', '1536x1024 (wide)']
  const advice = isFixed ? `The model makes ${good.join(', ')}.` : `${good.join(', ')} are good choices.`
  return ` ${advice} A size the model cannot make is fitted to the nearest it can, and the response says so.`
}
