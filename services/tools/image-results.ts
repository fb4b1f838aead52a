import type { DeploymentInfo, ImageResult } from '../azure/types.ts'
import type { Base64Image } from '../bytes/base64-image.ts'
import type { CallContext, ContentBlock, ToolResult } from '../calls/types.ts'
import { ServiceError } from '../errors/errors.ts'
import type { ImageLimits } from '../imaging/image-probe.ts'
import type { PixelWork } from '../imaging/pixel-work.ts'
import { createPreview } from '../imaging/preview.ts'
import { formatSize } from '../imaging/size.ts'
import type { ImageStore, SavedImage, SaveTarget } from '../library/image-store.ts'
import { imageUri } from '../library/image-uri.ts'
import { type RequestedSize, sizeNotes } from './size-note.ts'

export interface ImageResultsOptions {
  store: ImageStore
  pixels: PixelWork
  /** Limits of the images of which previews are made. */
  imageLimits: Omit<ImageLimits, 'maxBytes'>
  /** Characters of base64 that one image may have in a response; 0: unlimited. */
  maxInlineBytes: number
  /** Whether results report the list price. */
  reportCost: boolean
  /** An image has been written to the store. */
  onSaved(): void
  /** An image could not be written to the store. */
  onNotSaved(): void
}

/** What the call requested. */
export interface RequestFacts {
  verb: 'generated' | 'edited'
  /** Where to save the image; checked before Azure was called. */
  target: SaveTarget | undefined
  /** `undefined` if no size was requested. */
  requestedSize: RequestedSize | undefined
  deployment: DeploymentInfo
}

export interface ImageResults {
  /**
   * The content of a paid result: text, then the images, then links to those that were saved. Never throws, so that no
   * paid image is lost: one that cannot be saved is returned with a note.
   */
  toContent(result: ImageResult, facts: RequestFacts, context: CallContext): Promise<ToolResult>
}

interface ImageContent {
  lines: string[]
  image: ContentBlock
  link?: ContentBlock
}

export function createImageResults(options: ImageResultsOptions): ImageResults {
  const { store, maxInlineBytes } = options

  async function contentOf(
    image: Base64Image,
    { verb, target, requestedSize }: RequestFacts,
    { producedBy }: ImageResult,
    context: CallContext,
  ): Promise<ImageContent> {
    const done = `Image successfully ${verb}.`
    const notes = sizeNotes(image, requestedSize, producedBy.model)
    const isLarge = maxInlineBytes > 0 && image.encodedBytes > maxInlineBytes
    if (target === undefined && !isLarge) return { lines: [done, ...notes], image: imageBlock(image) }
    try {
      const saved = await store.save(target ?? (await store.resolve(generateName(image))), image)
      options.onSaved()
      const lines = [`${done} Saved to server at: ${saved.location}`, ...nameNotes(saved, image), ...notes]
      const content = isLarge ? await previewOf(image, lines, options, context) : { lines, image: imageBlock(image) }
      return { ...content, link: linkTo(saved, image) }
    } catch (error) {
      options.onNotSaved()
      context.log.warn({ err: error, requestId: context.id }, 'saving a paid image failed')
      const reason = error instanceof ServiceError ? error.message : 'The image was not saved: writing the file failed.'
      return { lines: [done, `${reason} The image is included in this response.`, ...notes], image: imageBlock(image) }
    }
  }

  return {
    async toContent(result, facts, context) {
      if (facts.target !== undefined) context.progress('saving')
      const contents: ImageContent[] = []
      for (const image of result.images) contents.push(await contentOf(image, facts, result, context))
      const notes = [...fallbackNotes(result, facts.deployment), ...(options.reportCost ? costNotes(result) : [])]
      const text = [...contents.flatMap(({ lines }) => lines), ...notes].join('\n')
      const images = contents.map(({ image }) => image)
      const links = contents.flatMap(({ link }) => link ?? [])
      return { content: [{ type: 'text', text }, ...images, ...links] }
    },
  }
}

/** A preview of a saved image that is too large for the response; the image itself if that fails. */
async function previewOf(
  image: Base64Image,
  lines: readonly string[],
  { maxInlineBytes, pixels, imageLimits: limits }: ImageResultsOptions,
  { log, id: requestId, caller: { id: caller }, deadlineAt }: CallContext,
): Promise<ImageContent> {
  try {
    // No signal: a client that disconnects may still fetch the paid result.
    const claim = { caller, deadlineAt }
    const preview = await createPreview(image, { maxEncodedBytes: maxInlineBytes, limits, pixels, claim })
    await image[Symbol.asyncDispose]().catch((err) => log.warn({ err, requestId }, 'image buffer release failed'))
    const note = `The image below is a preview of ${formatSize(preview)}; the saved file has the full size of ${formatSize(image)}.`
    return { lines: [...lines, note], image: imageBlock(preview) }
  } catch (err) {
    log.warn({ err, requestId }, 'preview failed, returning the whole image')
    return { lines: [...lines], image: imageBlock(image) }
  }
}

function fallbackNotes({ producedBy }: ImageResult, { name }: DeploymentInfo): string[] {
  if (producedBy.deployment === name) return []
  return [`Generated by ${producedBy.deployment} (${producedBy.model}), because ${name} was not available.`]
}

function costNotes({ costUsd }: ImageResult): string[] {
  return costUsd === undefined ? [] : [`Cost: about US$${costUsd.toFixed(4)} at list price.`]
}

/** Why the file name differs from the requested one. */
function nameNotes({ changes }: SavedImage, { mimeType }: Base64Image): string[] {
  return changes.map((change) =>
    change === 'extension'
      ? `The file extension was changed because the image is ${mimeType}.`
      : 'A number was added to the file name because a file with that name exists, and files are never replaced.',
  )
}

function imageBlock(image: Base64Image): ContentBlock {
  return { type: 'image', data: image, mimeType: image.mimeType }
}

function linkTo({ name, bytes }: SavedImage, { mimeType }: Base64Image): ContentBlock {
  return { type: 'resource_link', uri: imageUri(name), name, mimeType, size: bytes }
}

/** A name for a large image without `output_path`; the store adds a number if it is taken. */
function generateName({ mimeType }: Base64Image): string {
  const time = new Date().toISOString().replaceAll(/[:.]/g, '-')
  return `image-${time}.${mimeType.slice('image/'.length)}`
}
