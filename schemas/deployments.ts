import Type, { type Static } from 'typebox'
import { DialectNameSchema, ModelSchema } from './models.ts'

/** `AZURE_DEPLOYMENTS_FILE`: several deployments behind one service. */

const closed = { additionalProperties: false }

/**
 * Audiences for which a token may be requested: Azure's AI services, in the public cloud, for the US government and in China.
 * A free choice would let a file of somebody else's ask for a token that manages the whole subscription.
 * https://learn.microsoft.com/en-us/azure/foundry/foundry-models/how-to/configure-entra-id
 */
export const TOKEN_SCOPES = [
  'https://cognitiveservices.azure.com/.default',
  'https://ai.azure.com/.default',
  'https://cognitiveservices.azure.us/.default',
  'https://ai.azure.us/.default',
  'https://cognitiveservices.azure.cn/.default',
  'https://ai.azure.cn/.default',
] as const

const Name = Type.String({
  // Dots only would change the path of the address.
  pattern: '^(?!\\.{1,2}$)[\\w.-]{1,64}$',
  description: '1 to 64 letters, digits, dots, dashes and underscores, and not dots only',
})
const Text = Type.String({ minLength: 1, maxLength: 2048 })

export const DeploymentEntrySchema = Type.Object(
  {
    /** What callers write as `model`. */
    name: Name,
    /** `AZURE_BASE_URL` by default, and so on below. On another host the entry needs its own credential. */
    base_url: Type.Optional(
      Type.String({
        pattern: '^[Hh][Tt][Tt][Pp][Ss]?://[^\\s@]+$',
        maxLength: 2048,
        description: 'an http or https address without credentials',
      }),
    ),
    /** Its name at Azure; `name` by default. */
    deployment: Type.Optional(Name),
    /** A model of the table; found by the names by default. */
    model: Type.Optional(ModelSchema.properties.id),
    key: Type.Optional(Text),
    /** Relative to the folder of the deployments file, and below it, `/run/secrets` or `/var/run/secrets`. */
    key_file: Type.Optional(Text),
    auth: Type.Optional(Type.Enum(['key', 'entra'])),
    /** Audience of tokens. */
    scope: Type.Optional(Type.Enum([...TOKEN_SCOPES])),
    dialect: Type.Optional(Type.Union([Type.Literal('auto'), DialectNameSchema])),
    api_version: Type.Optional(ModelSchema.properties.apiVersion),
    /** Requests per minute, until Azure reports its own limit. */
    rpm: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000 })),
    /** The lowest is the default deployment; 100 by default. */
    priority: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000 })),
    /** Entries of one model with the same pool serve each other's calls. */
    pool: Type.Optional(Name),
    /** Names that may take over where no image can have been generated, in order. */
    fallbacks: Type.Optional(Type.Array(Name, { maxItems: 20 })),
  },
  closed,
)
export type DeploymentEntry = Static<typeof DeploymentEntrySchema>

/** Its entries are checked one by one, so that a mistake in one hides none in another. */
export const DeploymentsFileSchema = Type.Object(
  { deployments: Type.Array(Type.Unknown(), { minItems: 1, maxItems: 50 }) },
  closed,
)
