import Type from 'typebox'
import type { ImageRecord } from '../../schemas/image-record.ts'
import type { Base64Image } from '../bytes/base64-image.ts'
import type { CallContext, ContentBlock, Tool, ToolResult } from '../calls/types.ts'
import { ServiceError, serviceError } from '../errors/errors.ts'
import { hasCredentials } from '../imaging/content-credentials.ts'
import type { ImageLimits } from '../imaging/image-probe.ts'
import type { PixelWork } from '../imaging/pixel-work.ts'
import { createPreview, type Preview } from '../imaging/preview.ts'
import { formatSize } from '../imaging/size.ts'
import { mayUse } from '../library/access.ts'
import type { ImageStore } from '../library/image-store.ts'
import type { Library } from '../library/library.ts'
import type { Links } from '../library/links/links.ts'
import { readNamed } from '../library/named-images.ts'
import { enumeration } from '../parameters/parameter.ts'
import { reference } from '../parameters/table.ts'
import type { ImageReferences } from './image-references.ts'
import { CREDENTIALS_PRESERVED } from './result-notes.ts'

export interface GetImageOptions {
  library: Library
  store: ImageStore
  references: ImageReferences
  links: Links | undefined
  pixels: PixelWork
  /** Limits of the images of which previews are made. */
  imageLimits: Omit<ImageLimits, 'maxBytes'>
  /** Characters of base64 of an image that is returned whole; 0: unlimited. */
  maxInlineBytes: number
}

/** Characters of base64 of a preview. */
const PREVIEW_BYTES = 100 * 1024

/** An image that was found, open for reading. */
interface OpenImage {
  image: Base64Image
  /** Absent: a file without a record. */
  record?: ImageRecord
}

/** Shows a stored image again. */
export function getImage(options: GetImageOptions): Tool {
  const { library, store, references, links } = options
  const kinds = links === undefined ? (['preview', 'image'] as const) : (['preview', 'image', 'link'] as const)
  const properties = {
    id: reference('The id of the image (img_…), its image:// URI, or "last" for the newest image.'),
    as: Type.Optional(
      enumeration<'preview' | 'image' | 'link'>(
        kinds,
        `preview (default): small; image: whole${links === undefined ? '' : '; link: an address for people, valid for a limited time'}.`,
      ),
    ),
  }
  const inputSchema = Type.Object(properties, { additionalProperties: false })

  async function open(id: string, context: CallContext): Promise<OpenImage> {
    const found = await references.find('id', id, context)
    if ('record' in found) return { image: await library.read(found.record), record: found.record }
    for (const name of found.names) {
      const found = await readNamed({ store, library }, name, context.access).catch(ignoreMissing)
      if (found !== undefined) return found
    }
    throw serviceError('IMG_ERR_STORE_MISSING', [])
  }

  async function linkTo(id: string, url: Links, context: CallContext): Promise<ToolResult> {
    const record = await references.findRecord('id', id, context)
    // A link of somebody else shows an image until it ends; it gives no new ones.
    if (!mayUse(context.access, record.owner)) throw serviceError('IMG_ERR_IMAGE_ID', [])
    const uri = url.urlOf(record.id, context.baseUrl ?? '')
    const { mimeType, bytes: size } = record
    return {
      content: [
        { type: 'text', text: `${describe(record, record)}\nLink: ${uri}` },
        { type: 'resource_link', uri, name: record.id, mimeType, size },
      ],
    }
  }

  async function show(args: { as: 'preview' | 'image' }, { image, record }: OpenImage, context: CallContext) {
    const { maxInlineBytes } = options
    const isTooLarge = maxInlineBytes > 0 && image.encodedBytes > maxInlineBytes
    if (args.as === 'image' && !isTooLarge) {
      const isSigned = record?.hasCredentials ?? (await hasCredentials(image))
      return toContent(image, [describe(image, record), ...(isSigned ? [CREDENTIALS_PRESERVED] : [])])
    }
    const limit = maxInlineBytes > 0 ? Math.min(maxInlineBytes, PREVIEW_BYTES) : PREVIEW_BYTES
    const preview = await previewOf(image, limit, options, context)
    return toContent(preview.image, [
      describe(image, record),
      ...(args.as === 'image' ? ['It is too large for this response.'] : []),
      `This is a preview of ${formatSize(preview.image)}.`,
      ...(preview.hasCredentials ? ['The preview has no Content Credentials; the stored image has them.'] : []),
    ])
  }

  const tool: Tool<typeof inputSchema> = {
    name: 'get_image',
    title: 'Get image',
    description:
      `Shows a stored image again: ${links === undefined ? 'small or whole' : 'small, whole, or as a link'}. Free. ` +
      'To edit an image pass its id to edit_image instead.',
    inputSchema,
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },

    async call({ id, as = 'preview' }, context) {
      if (as === 'link') {
        if (links === undefined) throw serviceError('IMG_ERR_ARGUMENTS', ['"as" must be preview or image'])
        return await linkTo(id, links, context)
      }
      const opened = await open(id, context)
      context.scope.use(opened.image)
      return await show({ as }, opened, context)
    },
  }
  return tool
}

function ignoreMissing(error: unknown): undefined {
  if (error instanceof ServiceError && error.family === 'input') return undefined
  throw error
}

async function previewOf(
  image: Base64Image,
  maxEncodedBytes: number,
  { pixels, imageLimits: limits }: GetImageOptions,
  { caller: { id: caller }, deadlineAt, signal }: CallContext,
): Promise<Preview> {
  return await createPreview(image, { maxEncodedBytes, limits, pixels, claim: { caller, deadlineAt, signal } })
}

function toContent(data: Base64Image, lines: readonly string[]): ToolResult {
  const image: ContentBlock = { type: 'image', data, mimeType: data.mimeType }
  return { content: [{ type: 'text', text: lines.join(' ') }, image] }
}

interface Described {
  mimeType: string
  width: number
  height: number
  bytes: number
}

function describe(image: Described, record: ImageRecord | undefined): string {
  const facts = `${formatSize(image)}, ${image.mimeType}, ${image.bytes} bytes`
  return record === undefined ? `Image: ${facts}.` : `Image id: ${record.id} (${facts}).`
}
