import Type, { type Static } from 'typebox'
import { DialectNameSchema, ModelSchema } from './models.ts'

/** `AZURE_DEPLOYMENTS_FILE`: several deployments behind one service. */

const closed = { additionalProperties: false }
const Name = Type.String({ pattern: '^[\\w.-]{1,64}$' })
const Text = Type.String({ minLength: 1, maxLength: 2048 })

export const DeploymentEntrySchema = Type.Object(
  {
    /** What callers write as `model`. */
    name: Name,
    /** The plain variable unless told, as with the next ones. */
    base_url: Type.Optional(Type.String({ pattern: '^https?://[^\\s?#@]+$', maxLength: 2048 })),
    /** Its name at Azure; `name` unless told. */
    deployment: Type.Optional(Name),
    /** A model of the table; found by the names unless told. */
    model: Type.Optional(ModelSchema.properties.id),
    key: Type.Optional(Text),
    key_file: Type.Optional(Text),
    auth: Type.Optional(Type.Enum(['key', 'entra'])),
    /** Audience of tokens. */
    scope: Type.Optional(Text),
    dialect: Type.Optional(Type.Union([Type.Literal('auto'), DialectNameSchema])),
    api_version: Type.Optional(ModelSchema.properties.apiVersion),
    /** Requests per minute, until Azure tells. */
    rpm: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000 })),
    /** The lowest is the default deployment; 100 unless told. */
    priority: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000 })),
    /** Names that may take over where no image can have been made, in order. */
    fallbacks: Type.Optional(Type.Array(Name, { maxItems: 20 })),
  },
  closed,
)
export type DeploymentEntry = Static<typeof DeploymentEntrySchema>

export const DeploymentsFileSchema = Type.Object(
  { deployments: Type.Array(DeploymentEntrySchema, { minItems: 1, maxItems: 50 }) },
  closed,
)
