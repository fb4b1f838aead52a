import Type, { type Static } from 'typebox'

/** Capabilities of the models of Azure AI Foundry. The built-in table and `AZURE_MODELS_FILE` have the same form. */

const closed = { additionalProperties: false }
const text = { minLength: 1, maxLength: 200 }
const edge = Type.Integer({ minimum: 1, maximum: 65_536 })
const pixels = Type.Integer({ minimum: 1, maximum: 1_000_000_000 })

export const DialectNameSchema = Type.Enum(['deployments', 'v1', 'bfl', 'mai'])
export type DialectName = Static<typeof DialectNameSchema>

const OperationSchema = Type.Enum(['generate', 'edit'])
export type Operation = Static<typeof OperationSchema>

/** `WxH` in pixels. */
const SizeTextSchema = Type.String({ pattern: '^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$' })

/** The sizes that a model generates. `none`: it decides itself and accepts no size. */
const SizeRuleSchema = Type.Union([
  Type.Object({ kind: Type.Literal('none') }, closed),
  Type.Object(
    { kind: Type.Literal('choices'), sizes: Type.Array(SizeTextSchema, { minItems: 1, maxItems: 50 }) },
    closed,
  ),
  Type.Object(
    {
      kind: Type.Literal('range'),
      /** Both edges are multiples of this. */
      step: edge,
      minEdge: edge,
      maxEdge: edge,
      minPixels: pixels,
      maxPixels: pixels,
      /** Longer edge over shorter edge. */
      maxRatio: Type.Number({ minimum: 1, maximum: 1000 }),
    },
    closed,
  ),
])
export type SizeRule = Static<typeof SizeRuleSchema>

const PriceSchema = Type.Object(
  {
    /** The date of the price list, YYYY-MM-DD. */
    asOf: Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' }),
    /** US dollars per million tokens. */
    textIn: Type.Optional(Type.Number({ minimum: 0 })),
    imageIn: Type.Optional(Type.Number({ minimum: 0 })),
    imageOut: Type.Optional(Type.Number({ minimum: 0 })),
    /** US dollars per input megapixel, per output megapixel, and extra for the first output megapixel. */
    megapixelIn: Type.Optional(Type.Number({ minimum: 0 })),
    megapixelOut: Type.Optional(Type.Number({ minimum: 0 })),
    firstMegapixelOut: Type.Optional(Type.Number({ minimum: 0 })),
    /** US dollars per image. */
    image: Type.Optional(Type.Number({ minimum: 0 })),
  },
  closed,
)
export type Price = Static<typeof PriceSchema>

const range = Type.Object({ minimum: Type.Number(), maximum: Type.Number() }, closed)

export const ModelSchema = Type.Object(
  {
    /** As in Azure's catalogue; case does not matter. */
    id: Type.String({ pattern: '^[\\w.-]{1,64}$' }),
    /** Dialects that serve it, the preferred one first. */
    dialects: Type.Array(DialectNameSchema, { minItems: 1, maxItems: 4 }),
    /** Its name in the path of the provider route. */
    providerPath: Type.Optional(Type.String({ pattern: '^[a-z0-9.-]{1,64}$' })),
    /** Overrides the API version of every route. */
    apiVersion: Type.Optional(Type.String({ pattern: '^[\\w.-]{1,32}$' })),
    operations: Type.Array(OperationSchema, { minItems: 1, maxItems: 2 }),
    generateSize: SizeRuleSchema,
    editSize: SizeRuleSchema,
    /** Shapes that can be requested instead of a size. */
    aspectRatios: Type.Array(Type.String({ pattern: '^[1-9]\\d?:[1-9]\\d?$' }), { maxItems: 30 }),
    /** Maximum number of images per call. */
    maxCount: Type.Integer({ minimum: 1, maximum: 10 }),
    /** Maximum number of images in an edit, including the one to edit. */
    maxImages: Type.Integer({ minimum: 0, maximum: 16 }),
    /** The form field of each image in an edit with several; that of the dialect by default. A single one is `image`. */
    imagesField: Type.Optional(Type.Enum(['image', 'image[]'])),
    mask: Type.Boolean(),
    seed: Type.Boolean(),
    qualities: Type.Array(Type.String(text), { maxItems: 10 }),
    formats: Type.Array(Type.Enum(['png', 'jpeg']), { minItems: 1, maxItems: 2 }),
    /** Whether the format can be requested; otherwise the model returns the first of `formats`. */
    choosesFormat: Type.Boolean(),
    compression: Type.Boolean(),
    backgrounds: Type.Array(Type.String(text), { maxItems: 5 }),
    inputFidelities: Type.Array(Type.String(text), { maxItems: 5 }),
    guidance: Type.Optional(range),
    steps: Type.Optional(range),
    /** Accepts `auto_aspect_ratio` and `web_grounding`. */
    grounding: Type.Boolean(),
    streaming: Type.Boolean(),
    /** Longest prompt in characters: a rough limit, since most models count tokens. */
    maxPromptCharacters: Type.Integer({ minimum: 1, maximum: 200_000 }),
    /** Advice for writing prompts, published in the tools' schemas. */
    promptAdvice: Type.Optional(Type.String({ maxLength: 400 })),
    /** Fields that the operator adds to every request; arguments of a call override them. */
    fields: Type.Optional(Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]))),
    price: Type.Optional(PriceSchema),
    /** The day on which Azure retires it, YYYY-MM-DD. */
    retires: Type.Optional(Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' })),
  },
  closed,
)
export type Model = Static<typeof ModelSchema>

/**
 * `AZURE_MODELS_FILE`: rows that are added to the table or change it. A row contains only what differs from the model that
 * `like` names, or from the row that it changes.
 */
export const ModelsFileSchema = Type.Object(
  {
    models: Type.Array(
      Type.Intersect([
        Type.Object({ id: ModelSchema.properties.id, like: Type.Optional(Type.String(text)) }),
        Type.Partial(Type.Omit(ModelSchema, ['id'])),
      ]),
      { maxItems: 200 },
    ),
  },
  closed,
)
