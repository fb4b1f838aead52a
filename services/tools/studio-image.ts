import Type from 'typebox'
import type { ImageRecord } from '../../schemas/image-record.ts'
import { type StudioChunk, type StudioImage, toStudioImage } from '../../schemas/studio.ts'
import { type Base64Image, encodeImage } from '../bytes/base64-image.ts'
import type { CallContext, Tool, ToolResult } from '../calls/types.ts'
import { serviceError } from '../errors/errors.ts'
import { type LibraryAccess, mayChange } from '../library/access.ts'
import { uriOfId } from '../library/image-reference.ts'
import type { StoredFile } from '../library/image-store.ts'
import type { ImageVariants } from '../library/image-variants.ts'
import type { Library } from '../library/library.ts'
import { openStoredPart } from '../library/stored-image.ts'
import { reference } from '../parameters/table.ts'
import type { ImageReferences } from './image-references.ts'
import { appOnly } from './studio-app.ts'

export interface StudioImageOptions {
  library: Library
  references: ImageReferences
  variants: ImageVariants
  /** Characters of base64 of a result; 0: unlimited. */
  maxInlineBytes: number
}

/** Hosts pass on results of this size. https://github.com/modelcontextprotocol/ext-apps/blob/main/docs/patterns.md */
const MAX_CHUNK_BYTES = 500_000
/** Where responses may have smaller images or none: an image must not take thousands of calls. */
const MIN_CHUNK_BYTES = 48_000
const MAX_EDGE = 4096

const properties = {
  id: reference('The id of the image.'),
  max_edge: Type.Optional(
    Type.Integer({
      description: 'For a smaller version: pixels of its longer edge at most.',
      minimum: 16,
      maximum: MAX_EDGE,
    }),
  ),
  offset: Type.Optional(Type.Integer({ description: 'Of the chunk, in bytes.', minimum: 0 })),
}

/** The bytes of a stored image in chunks, or a smaller version in one: hosts limit the size of a result. */
export function studioImage({ library, references, variants, maxInlineBytes }: StudioImageOptions): Tool {
  const inputSchema = Type.Object(properties, { additionalProperties: false })
  const allowedBytes = maxInlineBytes === 0 ? MAX_CHUNK_BYTES : Math.floor(maxInlineBytes / 4) * 3
  const chunkBytes = Math.max(MIN_CHUNK_BYTES, Math.min(MAX_CHUNK_BYTES, allowedBytes))

  function toResult(
    data: Base64Image,
    record: ImageRecord,
    chunk: Omit<StudioChunk, 'image'>,
    context: CallContext,
  ): ToolResult {
    const { id } = record
    const { mimeType } = chunk
    context.scope.use(data)
    return {
      content: [{ type: 'resource', resource: { uri: uriOfId(id), mimeType, blob: data } }],
      studio: { chunk: { image: describeFor(context.access, record), ...chunk } },
    }
  }

  /** Takes over the file. */
  async function partOf(
    file: StoredFile,
    record: ImageRecord,
    offset: number,
    context: CallContext,
  ): Promise<ToolResult> {
    const { bytes } = file
    const { mimeType } = record
    const end = Math.min(bytes, offset + chunkBytes)
    const part = openStoredPart(file, record, { from: offset, to: end })
    const next = end < bytes ? { nextOffset: end } : {}
    return toResult(part, record, { mimeType, bytes, offset, ...next }, context)
  }

  async function smaller(
    file: StoredFile,
    record: ImageRecord,
    maxEdge: number,
    context: CallContext,
  ): Promise<ToolResult> {
    const { caller, signal, deadlineAt } = context
    const limits = { maxEdge, maxEncoded: Math.floor(chunkBytes / 3) * 4 }
    const rendered = await variants.preview(file, limits, { caller: caller.id, signal, deadlineAt })
    const { bytes, mimeType } = rendered
    return toResult(encodeImage(bytes, rendered), record, { mimeType, bytes: bytes.length, offset: 0 }, context)
  }

  const tool: Tool<typeof inputSchema> = {
    name: 'studio_image',
    title: 'Image for the studio',
    description: 'For the studio page only: the bytes of a stored image. Use get_image instead.',
    inputSchema,
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    ui: appOnly,

    async call({ id, max_edge: maxEdge, offset = 0 }, context) {
      const record = await references.findRecord('id', id, context)
      await using stack = new AsyncDisposableStack()
      const file = stack.use(await library.open(record))
      const isSmall = file.bytes <= chunkBytes && Math.max(record.width, record.height) <= (maxEdge ?? 0)
      const isWhole = maxEdge === undefined || isSmall
      if (offset > 0 && (!isWhole || offset >= file.bytes)) {
        throw serviceError('IMG_ERR_ARGUMENTS', ['"offset" is not within the image'])
      }
      if (!isWhole) return await smaller(file, record, maxEdge, context)
      stack.move()
      return await partOf(file, record, offset, context)
    },
  }
  return tool
}

/**
 * Where nobody lists, an id is the key to its image, and not to what its owner wrote, nor to the images it was made from: their
 * ids would be keys to them.
 */
function describeFor(access: LibraryAccess, record: ImageRecord): StudioImage {
  const whole = toStudioImage(record, mayChange(access, record.owner))
  if (access.canList || access.owner === record.owner) return whole
  const { id, createdAt, origin, mimeType, width, height, bytes, hasCredentials, isOwn } = whole
  return { id, createdAt, origin, mimeType, width, height, bytes, hasCredentials, isOwn, parents: [], tags: [] }
}
