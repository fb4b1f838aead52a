import Type, { type Static, type TSchema } from 'typebox'
import { type ImageRecord, ImageRecordSchema } from './image-record.ts'

/**
 * What tools tell the studio beside the text of their results: the member `_meta["azure-image-editor/studio"]`. Clients do
 * not show it to their models.
 */
export const STUDIO_META = 'azure-image-editor/studio'

const closed = { additionalProperties: false }
const { properties: record } = ImageRecordSchema

/** An image as the studio shows it. */
export const StudioImageSchema = Type.Object(
  {
    ...Type.Pick(ImageRecordSchema, [
      'id',
      'createdAt',
      'origin',
      'mimeType',
      'width',
      'height',
      'bytes',
      'hasCredentials',
      'prompt',
      'model',
      'deployment',
      'seed',
      'parents',
      'tags',
      'costUsd',
      'number',
    ]).properties,
    /** The file that the caller chose; absent: none, and the image is kept for a limited time. */
    name: Type.Optional(record.location),
    /** Whether the caller may change and delete it. */
    isOwn: Type.Boolean(),
  },
  closed,
)
export type StudioImage = Static<typeof StudioImageSchema>

/** Of `find_images`. A prompt of more than 1,000 characters is cut and ends with `…`; that of `studio_image` is whole. */
export const StudioListSchema = Type.Object(
  { images: Type.Array(StudioImageSchema), nextCursor: Type.Optional(Type.String()) },
  closed,
)
export type StudioList = Static<typeof StudioListSchema>

/** What one model takes in one operation. A member that is absent cannot be chosen. */
export const StudioOperationSchema = Type.Object(
  {
    /** `1024x1024` and the like, the default first. */
    sizes: Type.Optional(Type.Array(Type.String())),
    /** Whether other sizes are taken as well. */
    takesAnySize: Type.Boolean(),
    aspectRatios: Type.Optional(Type.Array(Type.String())),
    qualities: Type.Optional(Type.Array(Type.String())),
    outputFormats: Type.Optional(Type.Array(Type.String())),
    backgrounds: Type.Optional(Type.Array(Type.String())),
    hasSeed: Type.Boolean(),
    /** Images of one call. */
    maxCount: Type.Integer({ minimum: 1 }),
    /** Whether the model takes a mask; otherwise the composite on the server keeps what is outside of it. */
    hasMask: Type.Boolean(),
    /** Of the prompt, in characters. */
    maxPromptCharacters: Type.Integer({ minimum: 1 }),
  },
  closed,
)
export type StudioOperation = Static<typeof StudioOperationSchema>

export const StudioModelSchema = Type.Object(
  {
    /** What the argument `model` takes. */
    name: Type.String(),
    model: Type.String(),
    /** Absent: the model cannot, or the caller may not. */
    generate: Type.Optional(StudioOperationSchema),
    edit: Type.Optional(StudioOperationSchema),
    /** A date, on which Azure retires it. */
    retires: Type.Optional(Type.String()),
  },
  closed,
)
export type StudioModel = Static<typeof StudioModelSchema>

/** Of `list_models`, the default model first. */
export const StudioServiceSchema = Type.Object(
  {
    models: Type.Array(StudioModelSchema),
    /** Names of the tools that this caller may use. */
    tools: Type.Array(Type.String()),
    version: Type.String(),
  },
  closed,
)
export type StudioService = Static<typeof StudioServiceSchema>

/** Of a call with `dry_run`. */
export const StudioQuoteSchema = Type.Object(
  {
    model: Type.String(),
    width: Type.Optional(Type.Integer()),
    height: Type.Optional(Type.Integer()),
    quality: Type.Optional(Type.String()),
    count: Type.Integer(),
    /** US dollars at list price; absent: unknown. */
    usd: Type.Optional(Type.Number()),
    /** Milliseconds until it would start. */
    waitMs: Type.Number(),
    /** Why the call would be rejected; absent also where it only has to be confirmed. */
    problem: Type.Optional(Type.String()),
  },
  closed,
)
export type StudioQuote = Static<typeof StudioQuoteSchema>

/** Of a call with `job: true` and of `get_job`. */
export const StudioJobSchema = Type.Object(
  {
    id: Type.String(),
    state: Type.Enum(['queued', 'running', 'input_required', 'completed', 'failed', 'cancelled', 'unknown'], {
      type: 'string',
    }),
    /** Estimated milliseconds until it ends. */
    remainingMs: Type.Optional(Type.Number()),
    /** Of a completed one. */
    images: Type.Optional(Type.Array(StudioImageSchema)),
  },
  closed,
)
export type StudioJob = Static<typeof StudioJobSchema>

/** Of an image call that has to be confirmed first. */
export const StudioConfirmationSchema = Type.Object(
  {
    /** For `confirm_cost`. */
    code: Type.String(),
    usd: Type.Optional(Type.Number()),
  },
  closed,
)

/**
 * Of `studio_image`. The bytes are the block `resource` of the content, as `blob`.
 */
export const StudioChunkSchema = Type.Object(
  {
    image: StudioImageSchema,
    /** Of the sent file, which is a smaller version where `max_edge` asked for one. */
    mimeType: Type.String(),
    /** Bytes of the whole file, and where this part begins. */
    bytes: Type.Integer(),
    offset: Type.Integer(),
    /** Absent: this is the last part. */
    nextOffset: Type.Optional(Type.Integer()),
  },
  closed,
)
export type StudioChunk = Static<typeof StudioChunkSchema>

/** What one result may tell the studio. */
export const StudioMetaSchema = Type.Object(
  {
    list: Type.Optional(StudioListSchema),
    service: Type.Optional(StudioServiceSchema),
    quote: Type.Optional(StudioQuoteSchema),
    job: Type.Optional(StudioJobSchema),
    confirmation: Type.Optional(StudioConfirmationSchema),
    chunk: Type.Optional(StudioChunkSchema),
    /** Of `studio_draft`: the stored text; null: there is none. */
    draft: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  } satisfies Record<string, TSchema>,
  closed,
)
export type StudioMeta = Static<typeof StudioMetaSchema>

/** @param isOwn whether the caller may change and delete it */
export function toStudioImage(image: ImageRecord, isOwn: boolean): StudioImage {
  const { version: _version, owner: _owner, location, isNamed, sha256: _sha256, callId: _callId, ...shown } = image
  return { ...shown, ...(isNamed ? { name: location } : {}), isOwn }
}
