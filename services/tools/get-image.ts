import Type from 'typebox'
import type { ImageRecord } from '../../schemas/image-record.ts'
import { type Base64Image, encodeImage } from '../bytes/base64-image.ts'
import type { CallContext, ContentBlock, Tool, ToolResult } from '../calls/types.ts'
import { ServiceError, serviceError } from '../errors/errors.ts'
import { hasCredentials } from '../imaging/content-credentials.ts'
import type { ImageLimits } from '../imaging/image-probe.ts'
import type { PixelClaim } from '../imaging/pixel-claim.ts'
import type { PixelWork } from '../imaging/pixel-work.ts'
import { createPreview, type Preview } from '../imaging/preview.ts'
import { formatSize } from '../imaging/size.ts'
import { type ImageVariant, previewLimit, transformFormats, transformImage } from '../imaging/transform.ts'
import { mayUse } from '../library/access.ts'
import type { ImageStore } from '../library/image-store.ts'
import type { Library } from '../library/library.ts'
import type { Links } from '../library/links/links.ts'
import { type NamedImage, readNamed } from '../library/named-images.ts'
import { enumeration } from '../parameters/parameter.ts'
import { reference } from '../parameters/table.ts'
import { deliveries } from './arguments.ts'
import type { ImageReferences } from './image-references.ts'
import { CREDENTIALS_PRESERVED } from './result-notes.ts'
import type { StoredInputs } from './stored-inputs.ts'

export interface GetImageOptions {
  library: Library
  store: ImageStore
  references: ImageReferences
  inputs: Pick<StoredInputs, 'bytesOf'>
  links: Links | undefined
  pixels: PixelWork
  /** Limits of the images of which previews are made. */
  imageLimits: Omit<ImageLimits, 'maxBytes'>
  /** Characters of base64 of an image that is returned whole; 0: unlimited. */
  maxInlineBytes: number
}

const MAX_EDGE = 16_384

/** Shows a stored image again. */
export function getImage(options: GetImageOptions): Tool {
  const { library, store, references, links, pixels, imageLimits: limits, maxInlineBytes } = options
  const hasLinks = links !== undefined
  const properties = {
    id: reference('The id of the image (img_…), its image:// URI, a link to it, or "last" for the newest image.'),
    as: Type.Optional(
      enumeration(
        deliveries.filter((each) => hasLinks || each !== 'link'),
        `preview: small; image: whole${hasLinks ? '; link: an address for people, valid for a limited time' : ''}. By default preview, and image with max_edge or format.`,
      ),
    ),
    max_edge: Type.Optional(
      Type.Integer({ description: 'Pixels of the longer edge at most.', minimum: 16, maximum: MAX_EDGE }),
    ),
    format: Type.Optional(enumeration(transformFormats, 'Converts the image; not for previews.')),
  }
  const inputSchema = Type.Object(properties, { additionalProperties: false })

  async function open(id: string, context: CallContext): Promise<NamedImage> {
    const found = await references.find('id', id, context)
    if ('record' in found) return { image: await library.read(found.record), record: found.record }
    const named = await readNamed({ store, library }, found.names, context.access)
    if (named === undefined) throw serviceError('IMG_ERR_STORE_MISSING', [])
    return named
  }

  async function linkTo(id: string, variant: ImageVariant, url: Links, context: CallContext): Promise<ToolResult> {
    const record = await references.findRecord('id', id, context)
    // A link of somebody else shows an image until it ends; it gives no new ones.
    if (!mayUse(context.access, record.owner)) throw serviceError('IMG_ERR_IMAGE_ID', [])
    const { maxEdge, format } = variant
    const uri = url.urlOf(record.id, context.baseUrl ?? '', {
      ...(maxEdge !== undefined && { maxEdge }),
      ...(format !== undefined && { format }),
    })
    const isWhole = maxEdge === undefined && format === undefined
    const file = isWhole ? { mimeType: record.mimeType, size: record.bytes } : {}
    return {
      content: [
        { type: 'text', text: `${describe(record, record)}\nLink, valid for a limited time: ${uri}` },
        { type: 'resource_link', uri, name: record.id, ...file },
      ],
    }
  }

  /** The image in another size or format; the image itself if nothing has to be changed. */
  async function transform(image: Base64Image, variant: ImageVariant, context: CallContext): Promise<Base64Image> {
    using scope = new DisposableStack()
    const bytes = await options.inputs.bytesOf(image, context)
    const claim = { ...claimOf(context), scope }
    const transformed = await transformImage(bytes, variant, { limits, pixels }, claim)
    return transformed.bytes === bytes ? image : encodeImage(transformed.bytes, transformed)
  }

  /** Undefined: there is none of this image, which is no raster image or is damaged. */
  async function previewOf(image: Base64Image, context: CallContext): Promise<Preview | undefined> {
    const maxEncodedBytes = previewLimit(maxInlineBytes)
    return await createPreview(image, { maxEncodedBytes, limits, pixels, claim: claimOf(context) }).catch(ignoreMissing)
  }

  async function show(isPreview: boolean, { image, record }: NamedImage, variant: ImageVariant, context: CallContext) {
    const isVariant = variant.maxEdge !== undefined || variant.format !== undefined
    const shown = isVariant ? await transform(image, variant, context) : image
    const changes = shown === image ? [] : [`This is a version of ${formatSize(shown)}, ${shown.mimeType}.`]
    const isTooLarge = maxInlineBytes > 0 && shown.encodedBytes > maxInlineBytes
    const isSigned = record?.hasCredentials ?? (await hasCredentials(image))
    if (!isPreview && !isTooLarge) {
      const credentials = isSigned ? [shown === image ? CREDENTIALS_PRESERVED : withoutCredentials('version')] : []
      return toContent(shown, [describe(image, record), ...changes, ...credentials])
    }
    const preview = await previewOf(shown, context)
    const reasons = isPreview ? [] : ['It is too large for this response.']
    if (preview !== undefined) {
      const note = `This is a preview of ${formatSize(preview.image)}.`
      const lost = isSigned ? [withoutCredentials('preview')] : []
      return toContent(preview.image, [describe(image, record), ...reasons, note, ...lost])
    }
    return toContent(isTooLarge ? undefined : shown, [
      describe(image, record),
      ...reasons,
      'No preview of it can be made.',
    ])
  }

  const tool: Tool<typeof inputSchema> = {
    name: 'get_image',
    title: 'Get image',
    description:
      `Shows a stored image again: ${hasLinks ? 'small, whole, or as a link' : 'small or whole'}. Free. ` +
      'To edit an image pass its id to edit_image instead.',
    inputSchema,
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },

    async call({ id, as, max_edge: maxEdge, format }, context) {
      const variant = { maxEdge, format }
      const kind = as ?? (maxEdge === undefined && format === undefined ? 'preview' : 'image')
      if (kind === 'link') {
        if (links === undefined) throw serviceError('IMG_ERR_ARGUMENTS', ['"as" must be preview or image'])
        return await linkTo(id, variant, links, context)
      }
      const isPreview = kind === 'preview'
      if (isPreview && format !== undefined) {
        throw serviceError('IMG_ERR_ARGUMENTS', ['send format with as "image" or "link"; previews choose their own'])
      }
      const opened = await open(id, context)
      context.scope.use(opened.image)
      return await show(isPreview, opened, variant, context)
    },
  }
  return tool
}

function ignoreMissing(error: unknown): undefined {
  if (error instanceof ServiceError && error.family === 'input' && error.code !== 'IMG_ERR_CANCELLED') return undefined
  throw error
}

function claimOf({ caller: { id: caller }, deadlineAt, signal }: CallContext): PixelClaim {
  return { caller, deadlineAt, signal }
}

const withoutCredentials = (what: string) => `The ${what} has no Content Credentials; the stored image has them.`

function toContent(data: Base64Image | undefined, lines: readonly string[]): ToolResult {
  const text: ContentBlock = { type: 'text', text: lines.join(' ') }
  return { content: data === undefined ? [text] : [text, { type: 'image', data, mimeType: data.mimeType }] }
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
