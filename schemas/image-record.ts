import Type, { type Static } from 'typebox'

const text = (maxLength: number) => Type.String({ minLength: 1, maxLength })
const ImageIdSchema = Type.String({ pattern: '^img_[0-7][0-9abcdefghjkmnpqrstvwxyz]{25}$' })

/** Limits of what indexes and dates can hold: other programs may have written a record. */
const MAX_EDGE = 2 ** 31
const MAX_BYTES = 2 ** 36
/** https://tc39.es/ecma262/#sec-time-values-and-time-range */
const MAX_TIME = 8.64e15

/** Tags that one image may have. */
export const MAX_TAGS = 20
export const TagSchema = text(64)

/**
 * What is known of an image of the library. The JSON file beside the image has exactly this, and every index can be rebuilt
 * from these files.
 */
export const ImageRecordSchema = Type.Object(
  {
    version: Type.Literal(1),
    id: ImageIdSchema,
    /** Milliseconds since 1970. */
    createdAt: Type.Integer({ minimum: 0, maximum: MAX_TIME }),
    origin: Type.Enum(['generated', 'edited', 'uploaded', 'composite'], { type: 'string' }),
    /** Id of the caller that made it. */
    owner: text(512),
    /** Where the bytes are: a name in the store, with `/` between folders. */
    location: text(4096),
    /** Chosen by the caller: the image stays until it is deleted. */
    isNamed: Type.Boolean(),
    mimeType: Type.Enum(['image/png', 'image/jpeg', 'image/webp', 'image/gif', 'image/svg+xml'], { type: 'string' }),
    width: Type.Integer({ minimum: 1, maximum: MAX_EDGE }),
    height: Type.Integer({ minimum: 1, maximum: MAX_EDGE }),
    bytes: Type.Integer({ minimum: 1, maximum: MAX_BYTES }),
    /** Of the bytes, in hexadecimal. */
    sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    /** Whether the image carries Content Credentials (C2PA). */
    hasCredentials: Type.Boolean(),
    prompt: Type.Optional(Type.String({ maxLength: 200_000 })),
    model: Type.Optional(text(256)),
    deployment: Type.Optional(text(256)),
    seed: Type.Optional(Type.Integer()),
    /** The images it was made from, the edited one first. */
    parents: Type.Array(ImageIdSchema, { maxItems: 32 }),
    tags: Type.Array(TagSchema, { maxItems: MAX_TAGS }),
    /** US dollars at list price, of this image alone. */
    costUsd: Type.Optional(Type.Number({ minimum: 0 })),
    /** Id of the call that made it, as in the log. */
    callId: Type.Optional(text(256)),
    /** Its place among the images of that call, from 1; absent: it is the only one. */
    number: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  },
  { additionalProperties: false },
)

export type ImageRecord = Static<typeof ImageRecordSchema>
