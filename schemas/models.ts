import Type, { type Static, type TSchema } from 'typebox'

/** Capabilities of the models of Azure AI Foundry. The built-in table and `AZURE_MODELS_FILE` have the same form. */

/** The descriptions say what is allowed where the keywords do not; messages about mistakes in files quote them. */

const closed = { additionalProperties: false }
const nameOf = (maximum: number) => ({
  pattern: `^[\\w.-]{1,${maximum}}$`,
  description: `1 to ${maximum} letters, digits, dots, dashes and underscores`,
})
const text = { minLength: 1, maxLength: 200 }
const edge = Type.Integer({ minimum: 1, maximum: 65_536 })
const pixels = Type.Integer({ minimum: 1, maximum: 1_000_000_000 })

export const DialectNameSchema = Type.Enum(['deployments', 'v1', 'bfl', 'mai'])
export type DialectName = Static<typeof DialectNameSchema>

const FormatSchema = Type.Enum(['png', 'jpeg', 'gif', 'svg'])
export type Format = Static<typeof FormatSchema>

const OperationSchema = Type.Enum(['generate', 'edit'])
export type Operation = Static<typeof OperationSchema>

/** `WxH` in pixels. */
const SizeTextSchema = Type.String({
  pattern: '^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$',
  description: 'width x height in pixels, such as "1024x1536"',
})

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

/** A day of the calendar, YYYY-MM-DD. */
const DaySchema = Type.String({ format: 'date', description: 'a day of the calendar as YYYY-MM-DD' })
const rate = Type.Optional(Type.Number({ minimum: 0, maximum: 1_000_000 }))

const PriceSchema = Type.Object(
  {
    /** The date of the price list. */
    asOf: DaySchema,
    /** US dollars per million tokens. Without a rate for cached input, that input costs as much as the rest. */
    textIn: rate,
    textInCached: rate,
    imageIn: rate,
    imageInCached: rate,
    imageOut: rate,
    /** US dollars per input megapixel, per output megapixel, and extra for the first output megapixel. */
    megapixelIn: rate,
    megapixelOut: rate,
    firstMegapixelOut: rate,
    /** US dollars per image. */
    image: rate,
  },
  closed,
)
export type Price = Static<typeof PriceSchema>

const tokens = Type.Integer({ minimum: 1, maximum: 1_000_000 })
const byQuality = <T extends TSchema>(schema: T) => Type.Record(Type.String({ minLength: 1, maxLength: 200 }), schema)

/**
 * How many tokens Azure counts for an image, so that the price of a call is known before it. Of a quality that is not listed
 * the number is unknown; without a quality, or with `auto`, `high` is expected.
 */
const TokensSchema = Type.Object(
  {
    output: Type.Union([
      /** By quality and size. */
      Type.Object({ kind: Type.Literal('table'), qualities: byQuality(Type.Record(Type.String(), tokens)) }, closed),
      /** By quality the cells on the longer edge of a grid, whose cells cost more in larger images. */
      Type.Object({ kind: Type.Literal('grid'), qualities: byQuality(tokens) }, closed),
      Type.Object({ kind: Type.Literal('pixels'), pixelsPerToken: tokens }, closed),
    ]),
    input: Type.Union([
      /** For each tile of 512 pixels, once the shorter edge is scaled down to 512; with high fidelity more for the image. */
      Type.Object(
        { kind: Type.Literal('tiles'), image: tokens, tile: tokens, highSquare: tokens, highOther: tokens },
        closed,
      ),
      /** For each patch of 32 pixels, once the image is scaled to its limits. */
      Type.Object({ kind: Type.Literal('patches'), maximum: tokens }, closed),
      Type.Object({ kind: Type.Literal('image'), image: tokens, maximum: tokens }, closed),
    ]),
  },
  closed,
)
export type Tokens = Static<typeof TokensSchema>

const SourceSchema = Type.Object(
  {
    url: Type.String({ pattern: '^https://\\S+$', maxLength: 500, description: 'an https address' }),
    /** The day on which it was last checked. */
    checked: DaySchema,
  },
  closed,
)
export type Source = Static<typeof SourceSchema>

/** Where the facts of a row come from. A source without a price or date says where none was found. */
const SourcesSchema = Type.Object(
  {
    capabilities: Type.Optional(SourceSchema),
    price: Type.Optional(SourceSchema),
    tokens: Type.Optional(SourceSchema),
    retirement: Type.Optional(SourceSchema),
  },
  closed,
)
export type Sources = Required<Omit<Static<typeof SourcesSchema>, 'tokens'>> &
  Pick<Static<typeof SourcesSchema>, 'tokens'>

const range = Type.Object({ minimum: Type.Number(), maximum: Type.Number() }, closed)
const wholeRange = Type.Object({ minimum: Type.Integer(), maximum: Type.Integer() }, closed)

export const ModelSchema = Type.Object(
  {
    /** As in Azure's catalogue; case does not matter. */
    id: Type.String(nameOf(64)),
    /** Further names of the model, such as those of deployments; recognized like its id. */
    aliases: Type.Optional(Type.Array(Type.String(nameOf(64)), { maxItems: 50 })),
    /** Dialects that serve it, the preferred one first. */
    dialects: Type.Array(DialectNameSchema, { minItems: 1, maxItems: 4 }),
    /** Its name in the path of the provider route. */
    providerPath: Type.Optional(
      Type.String({
        pattern: '^[a-z0-9.-]{1,64}$',
        description: '1 to 64 lower-case letters, digits, dots and dashes',
      }),
    ),
    /** Overrides the API version of every route. */
    apiVersion: Type.Optional(Type.String(nameOf(32))),
    operations: Type.Array(OperationSchema, { minItems: 1, maxItems: 2 }),
    generateSize: SizeRuleSchema,
    editSize: SizeRuleSchema,
    /** Shapes that can be requested instead of a size. */
    aspectRatios: Type.Array(Type.String({ pattern: '^[1-9]\\d?:[1-9]\\d?$', description: 'a ratio such as "16:9"' }), {
      maxItems: 30,
    }),
    /** Maximum number of images per call. */
    maxCount: Type.Integer({ minimum: 1, maximum: 10 }),
    /** Maximum number of images in an edit, including the one to edit. */
    maxImages: Type.Integer({ minimum: 0, maximum: 16 }),
    /** The form field of each image in an edit with several; that of the dialect by default. A single one is `image`. */
    imagesField: Type.Optional(Type.Enum(['image', 'image[]'])),
    mask: Type.Boolean(),
    seed: Type.Boolean(),
    qualities: Type.Array(Type.String(text), { maxItems: 10 }),
    /** How elaborate the image is. */
    complexities: Type.Array(Type.String(text), { maxItems: 10 }),
    formats: Type.Array(FormatSchema, { minItems: 1, maxItems: 4 }),
    /** Whether the format can be requested; otherwise the model returns the first of `formats`. */
    choosesFormat: Type.Boolean(),
    compression: Type.Boolean(),
    backgrounds: Type.Array(Type.String(text), { maxItems: 5 }),
    inputFidelities: Type.Array(Type.String(text), { maxItems: 5 }),
    guidance: Type.Optional(range),
    steps: Type.Optional(wholeRange),
    /** Accepts `auto_aspect_ratio` and `web_grounding`. */
    grounding: Type.Boolean(),
    streaming: Type.Boolean(),
    /** Longest prompt in characters: a rough limit, since most models count tokens. */
    maxPromptCharacters: Type.Integer({ minimum: 1, maximum: 200_000 }),
    /** Advice for writing prompts, published in the tools' schemas. */
    promptAdvice: Type.Optional(Type.String({ maxLength: 400 })),
    /** Fields that the operator adds to every request; arguments of a call override them. */
    fields: Type.Optional(
      Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), {
        description: 'an object of texts, numbers and booleans',
      }),
    ),
    price: Type.Optional(PriceSchema),
    /** Only for prices per token. */
    tokens: Type.Optional(TokensSchema),
    /** The day on which Azure retires it. */
    retires: Type.Optional(DaySchema),
    sources: Type.Optional(SourcesSchema),
  },
  closed,
)
export type Model = Static<typeof ModelSchema>

/**
 * A row of `AZURE_MODELS_FILE`, which is added to the table or changes a row of it: it contains only what differs from the
 * model that `like` names, or from the row that it changes. `null` removes an optional member.
 */
export const ModelChangesSchema = Type.Object(
  {
    ...Type.Partial(ModelSchema).properties,
    id: ModelSchema.properties.id,
    like: Type.Optional(Type.String(nameOf(64))),
  },
  closed,
)
export type ModelChanges = Static<typeof ModelChangesSchema>

/** Its rows are checked one by one, so that a mistake in one hides none in another. */
export const ModelsFileSchema = Type.Object({ models: Type.Array(Type.Unknown(), { maxItems: 200 }) }, closed)
