import Type, { type Static } from 'typebox'
import { ImageRecordSchema } from './image-record.ts'

/**
 * The result of a paid call without its bytes, which are in the library: what travels between processes, and what is
 * repeated as often as a client asks for it.
 */
export const LibraryResultSchema = Type.Object(
  {
    text: Type.String(),
    /** Without links, which are signed when they are sent. */
    notes: Type.Array(Type.String(), { maxItems: 64 }),
    images: Type.Array(
      Type.Object(
        { id: ImageRecordSchema.properties.id, shown: Type.Enum(['image', 'preview', 'link'], { type: 'string' }) },
        { additionalProperties: false },
      ),
      { maxItems: 64 },
    ),
  },
  { additionalProperties: false },
)
export type LibraryResult = Static<typeof LibraryResultSchema>
