import type { ImageRecord } from '../../schemas/image-record.ts'
import type { LibraryResult } from '../../schemas/library-result.ts'
import type { Base64Image } from '../bytes/base64-image.ts'
import { ignoreInputError } from '../errors/errors.ts'
import type { ImageLimits } from '../imaging/image-probe.ts'
import type { PixelWork } from '../imaging/pixel-work.ts'
import { createPreview } from '../imaging/preview.ts'
import { previewLimit } from '../imaging/transform.ts'
import { uriOfId } from '../library/image-reference.ts'
import type { Library } from '../library/library.ts'
import type { Links } from '../library/links/links.ts'
import { toToolResult } from './result-content.ts'
import type { CallContext, ResourceLink, ToolResult } from './types.ts'

type StoredImage = LibraryResult['images'][number]

export interface LibraryResultsOptions {
  library: Library
  /** Undefined: images have no addresses. */
  links: Links | undefined
  pixels: PixelWork
  /** Limits of the images of which previews are made. */
  imageLimits: Omit<ImageLimits, 'maxBytes'>
  /** Characters of base64 that the images of a response may have together; 0: unlimited. */
  maxInlineBytes: number
}

export interface LibraryResults {
  /**
   * The content that the result has now, with images that the call's scope owns. An image that was deleted meanwhile is
   * named as deleted.
   */
  read(result: LibraryResult, context: CallContext): Promise<StoredResult>
}

export interface StoredResult extends ToolResult {
  /** Of the images that still exist. */
  records: readonly ImageRecord[]
}

export function createLibraryResults(options: LibraryResultsOptions): LibraryResults {
  const { library, links, pixels, imageLimits: limits, maxInlineBytes } = options

  async function previewOf(image: Base64Image, { caller, signal, deadlineAt }: CallContext) {
    const claim = { caller: caller.id, signal, deadlineAt }
    const preview = await createPreview(image, { maxEncodedBytes: previewLimit(maxInlineBytes), limits, pixels, claim })
    return preview.image
  }

  async function show({ id, shown }: StoredImage, context: CallContext): Promise<Shown> {
    const record = await library.get(id, context.access).catch(ignoreInputError)
    if (record === undefined) return { notes: [`The image ${id} has been deleted.`] }
    return { record, ...(await showImage(record, shown, context)) }
  }

  async function showImage(record: ImageRecord, shown: StoredImage['shown'], context: CallContext): Promise<Shown> {
    const { id } = record
    const { baseUrl } = context
    const file = { name: record.isNamed ? record.location : id, mimeType: record.mimeType, size: record.bytes }
    if (shown === 'link' && links !== undefined && baseUrl !== undefined) {
      const uri = links.urlOf(id, baseUrl)
      return { notes: [linkNote(uri)], links: [{ type: 'resource_link', uri, ...file }] }
    }
    const image = context.scope.use(await library.read(record))
    if (shown === 'image') return { images: [image] }
    const preview = await previewOf(image, context).catch(ignoreInputError)
    return {
      images: preview === undefined ? [] : [preview],
      links: [{ type: 'resource_link', uri: uriOfId(id), ...file }],
    }
  }

  return {
    async read({ text, notes, images }, context) {
      const all: Shown[] = []
      for (const image of images) all.push(await show(image, context))
      const content = toToolResult({
        text,
        images: all.flatMap((each) => each.images ?? []),
        notes: [...notes, ...all.flatMap((each) => each.notes ?? [])],
        links: all.flatMap((each) => each.links ?? []),
      })
      return { ...content, records: all.flatMap(({ record }) => record ?? []) }
    },
  }
}

interface Shown {
  record?: ImageRecord
  images?: Base64Image[]
  notes?: string[]
  links?: ResourceLink[]
}

/** Where people see an image that is not in the response. */
export const linkNote = (url: string): string => `Link to the image, valid for a limited time: ${url}`
