import Type, { type Static, type TProperties, type TUnsafe } from 'typebox'
import type { MaskArguments } from '../../schemas/mask.ts'
import type { Model } from '../../schemas/models.ts'
import type { DeploymentInfo } from '../azure/types.ts'
import type { InlineBlob } from '../bytes/json/inline-blob.ts'
import { argumentNames, type ModelArguments } from '../parameters/arguments.ts'
import { normalizeArguments } from '../parameters/normalize.ts'
import { enumeration } from '../parameters/parameter.ts'
import { CONFIRMATION_PATTERN, IDEMPOTENCY_KEY_PATTERN } from '../parameters/patterns.ts'
import { reference } from '../parameters/table.ts'
import { cleanTags, tagsArgument } from './library-arguments.ts'

/** The arguments that do not depend on a model's capabilities. Those that do are the rows of services/parameters. */

/** The longest prompt that any model documents. https://learn.microsoft.com/azure/foundry/openai/reference-preview-latest */
const MAX_PROMPT_CHARACTERS = 32_000

/** Characters of a prompt. */
export const promptLimit = ({ maxPromptCharacters }: Model): number =>
  Math.min(MAX_PROMPT_CHARACTERS, maxPromptCharacters)

export const promptArgument = (description: string, model: Model) =>
  Type.String({
    description: model.promptAdvice === undefined ? description : `${description} ${model.promptAdvice}`,
    minLength: 1,
    maxLength: promptLimit(model),
  })

/** Published only where there is a choice. */
export function modelArgument(deployments: readonly DeploymentInfo[]): TProperties {
  const names = deployments.map(({ name }) => name)
  if (names.length < 2) return {}
  const description = `The model to use; ${names[0]} by default. list_models describes them.`
  return { model: Type.Optional(enumeration(names, description)) }
}

/** What a result has of each image. */
export const deliveries = ['image', 'preview', 'link'] as const
export type Delivery = (typeof deliveries)[number]

/** What of stored images a tool can work with. */
export interface LibraryFeatures {
  /** Whether images have ids. */
  hasLibrary: boolean
  /** Whether images have addresses. */
  hasLinks: boolean
  /** What results have by default. */
  delivery: Delivery
  /** Whether calls can become jobs. */
  hasJobs: boolean
  /** Whether people edit images on a page. */
  hasStudio: boolean
  /** What of the policy clients use. */
  policy: PolicyFeatures
}

export interface PolicyFeatures {
  hasDryRun: boolean
  /** Whether calls may have to be confirmed. */
  hasConfirmation: boolean
}

/** Arguments of every tool that generates images. */
export function commonArguments(features: LibraryFeatures): TProperties {
  const { hasLibrary, hasLinks, delivery, hasJobs, policy } = features
  const policyArguments = {
    ...(policy.hasDryRun ? { dry_run: dryRunArgument } : {}),
    ...(policy.hasConfirmation ? { confirm_cost: confirmArgument } : {}),
  }
  return hasLibrary
    ? {
        ...savingArguments,
        ...policyArguments,
        tags: Type.Optional(tagsArgument('Words by which find_images finds the image.')),
        return: returnArgument(hasLinks, delivery),
        ...(hasJobs ? { job: jobArgument } : {}),
      }
    : { ...savingArguments, ...policyArguments }
}

const dryRunArgument = Type.Optional(
  Type.Boolean({ description: 'true: return the model, size, price and wait of this call, and make no image. Free.' }),
)

const confirmArgument = Type.Optional(
  Type.String({
    description: 'The code with which a call was rejected that the user has to confirm first (c_…).',
    pattern: CONFIRMATION_PATTERN,
    maxLength: 32,
  }),
)

const jobArgument = Type.Optional(
  Type.Boolean({ description: 'true: return a job id at once; get_job then returns the result.' }),
)

export const jobIdArgument = Type.String({
  description: 'The id of the job that a result named (job_…).',
  minLength: 1,
  maxLength: 64,
})

function returnArgument(hasLinks: boolean, delivery: Delivery) {
  const kinds = deliveries.filter((each) => hasLinks || each !== 'link')
  const byDefault = kinds.includes(delivery) ? delivery : 'preview'
  const link = hasLinks ? '; link: an address for people' : ''
  return Type.Optional(enumeration(kinds, `image: whole; preview: small${link}; ${byDefault} by default.`))
}

const savingArguments = {
  output_path: Type.Optional(
    Type.String({
      description:
        "Where to save the image in the server's images folder, such as 'trips/sunset.png'. Files are never replaced: a " +
        'number is added to the name, and the actual path is reported. Omit it to only return the image.',
      minLength: 1,
      maxLength: 1024,
    }),
  ),
  idempotency_key: Type.Optional(
    Type.String({
      description:
        'A new text for each new image. A call that repeats key and arguments within 24 hours returns the same image ' +
        'and is not billed again.',
      pattern: IDEMPOTENCY_KEY_PATTERN,
      maxLength: 128,
    }),
  ),
}

export interface SourceOptions {
  maxBytes: number
  readsLocalFiles: boolean
  /** Whether stored images can be named. */
  readsLibrary: boolean
}

/** The image to edit: a stored one, its bytes, or for local clients its path. */
export function sourceArguments({ maxBytes, readsLocalFiles, readsLibrary }: SourceOptions): TProperties {
  const data = Type.String({
    description:
      `The image to edit: a PNG, JPEG, WebP or GIF file as base64 or data URL, at most ${maxBytes} bytes decoded. Not a ` +
      'path, not a web address.',
    minLength: 1,
  })
  const image = reference(
    'The image to edit: its id in a result (img_…), an image:// URI, a link of this server, or "last" for the newest. ' +
      'Prefer it to bytes.',
  )
  const stored = readsLibrary ? { image: Type.Optional(image) } : {}
  if (!readsLocalFiles)
    return readsLibrary ? { ...stored, image_data_base64: Type.Optional(data) } : { image_data_base64: data }
  const path = Type.String({
    description: "Absolute path of the image to edit, on the user's machine. The file is only read.",
    minLength: 1,
    maxLength: 4096,
  })
  return { ...stored, image_path: Type.Optional(path), image_data_base64: Type.Optional(data) }
}

const SavingArgumentsSchema = Type.Object(savingArguments)

export interface GenerateArguments extends ModelArguments, Static<typeof SavingArgumentsSchema> {
  prompt: string
  model?: string
  tags?: string[]
  return?: Delivery
  job?: boolean
  dry_run?: boolean
  confirm_cost?: string
}

export interface EditArguments extends GenerateArguments, MaskArguments {
  image?: string
  image_data_base64?: string | InlineBlob
  image_path?: string
}

/** A tool's schema, whose static type has every argument, whichever of them the models accept. */
export function toolSchema<A>(properties: TProperties): TUnsafe<A> {
  return Type.Unsafe<A>(Type.Object(properties, { additionalProperties: false }))
}

const optionalNames: readonly string[] = [
  ...argumentNames,
  'model',
  ...Object.keys(savingArguments),
  'tags',
  'return',
  'job',
  'dry_run',
  'confirm_cost',
  'image_path',
  'image',
  'image_data_base64',
  'mask_strokes',
  'mask_feather',
  'keep_outside_mask',
]

/** Normalizes the arguments of a call; optional arguments of other models and transports may be null. */
export const normalizer = (schema: object) => (args: Readonly<Record<string, unknown>>) =>
  normalizeArguments(args, schema, optionalNames)

/**
 * What of the arguments the result needs, and the record of its images. @param delivery by default
 * @throws ServiceError `IMG_ERR_ARGUMENTS` for a tag that is none
 */
export function resultFacts(args: GenerateArguments, { delivery }: LibraryFeatures) {
  const { prompt, seed, tags = [] } = args
  return { prompt, seed, tags: cleanTags(tags), count: imageCost(args), delivery: args.return ?? delivery }
}

/** Images that a call generates and pays for. */
export function imageCost({ n = 1 }: { n?: number | undefined }): number {
  return n
}
