import type { DeploymentInfo, ImageResult, Size } from '../azure/types.ts'
import type { Base64Image } from '../bytes/base64-image.ts'
import { ServiceError } from '../errors/errors.ts'
import { createPreview } from '../imaging/preview.ts'
import type { SavedImage, SaveTarget } from '../library/image-store.ts'
import type { ContentBlock, ToolContext, ToolResult } from '../mcp/catalog.ts'
import { imageUri } from '../resources/saved-images.ts'
import { formatSize, isSameSize } from './size.ts'
import type { ToolOptions } from './tool-options.ts'

type Saving = Pick<
  ToolOptions,
  'store' | 'onSaved' | 'onNotSaved' | 'maxInlineBytes' | 'reportCost' | 'pixels' | 'imageLimits'
>

export interface FinishOptions {
  /** What the first line says was done. */
  verb: 'generated' | 'edited'
  /** Where the caller wants the image saved; checked before Azure was asked. */
  target: SaveTarget | undefined
  /** What the caller asked for, or the size of the image it sent; absent where a size was not asked for. */
  requested: Size | undefined
  /** The deployment that was asked. */
  deployment: DeploymentInfo
}

interface Finished {
  lines: string[]
  image: ContentBlock
  link?: ContentBlock
}

/**
 * Turns a paid answer into a result: text first, then the images, then links to those that were saved. From here on
 * nothing may throw the images away: one that cannot be saved is returned all the same, with a line that says so.
 */
export async function imageContent(
  response: ImageResult,
  saving: Saving,
  options: FinishOptions,
  context: ToolContext,
): Promise<ToolResult> {
  if (options.target !== undefined) context.progress('saving')
  const finished: Finished[] = []
  for (const image of response.images) finished.push(await finishOne(image, saving, options, response, context))
  const lines = [...finished.flatMap((one) => one.lines), ...notes(response, options.deployment, saving.reportCost)]
  return {
    content: [
      { type: 'text', text: lines.join('\n') },
      ...finished.map(({ image }) => image),
      ...finished.flatMap(({ link }) => link ?? []),
    ],
  }
}

async function finishOne(
  image: Base64Image,
  saving: Saving,
  { verb, target, requested }: FinishOptions,
  { producedBy }: ImageResult,
  context: ToolContext,
): Promise<Finished> {
  const done = `Image successfully ${verb}.`
  const facts =
    requested === undefined || isSameSize(image, requested)
      ? []
      : [
          `Size: ${formatSize(image)} (${formatSize(requested)} was asked for; ${producedBy.model} makes the nearest it can).`,
        ]
  const isLarge = saving.maxInlineBytes > 0 && image.encodedBytes > saving.maxInlineBytes
  if (target === undefined && !isLarge) return { lines: [done, ...facts], image: block(image) }
  try {
    const place = target ?? (await saving.store.resolve(nameFor(image)))
    const saved = await saving.store.save(place, image)
    saving.onSaved()
    const lines = [`${done} Saved to server at: ${saved.location}`, ...renaming(saved, image), ...facts]
    return { ...(await inline(image, lines, isLarge, saving, context)), link: linkTo(saved, image) }
  } catch (error) {
    saving.onNotSaved()
    context.log.warn({ err: error, requestId: context.requestId }, 'image was paid for but not saved')
    const reason = error instanceof ServiceError ? error.message : 'The image was not saved: writing the file failed.'
    return {
      lines: [done, `${reason} The image itself is in this response.`, ...facts],
      image: block(image),
    }
  }
}

/** What is true of the call as a whole. */
function notes({ producedBy, costUsd }: ImageResult, deployment: DeploymentInfo, reportCost: boolean): string[] {
  const lines: string[] = []
  if (producedBy.deployment !== deployment.name) {
    lines.push(`Made by ${producedBy.deployment} (${producedBy.model}), because ${deployment.name} was not available.`)
  }
  if (reportCost && costUsd !== undefined) lines.push(`Cost: about US$${costUsd.toFixed(4)} at list price.`)
  return lines
}

/** The whole image, or a preview of one that is saved and too large for the client. */
async function inline(
  image: Base64Image,
  lines: string[],
  isLarge: boolean,
  { maxInlineBytes, pixels, imageLimits: limits }: Saving,
  { log, requestId, caller, deadlineAt }: ToolContext,
): Promise<Finished> {
  if (!isLarge) return { lines, image: block(image) }
  try {
    // Paid for: a caller that disconnected may come back for it, so only the deadline ends the work.
    const claim = { caller, deadlineAt }
    const preview = await createPreview(image, { maxEncodedBytes: maxInlineBytes, limits, pixels, claim })
    await image[Symbol.asyncDispose]().catch((err) => log.warn({ err, requestId }, 'image buffer release failed'))
    const note = `The image below is a preview of ${formatSize(preview)}; the whole one is the saved file of ${formatSize(image)}.`
    return { lines: [...lines, note], image: block(preview) }
  } catch (err) {
    log.warn({ err, requestId }, 'no preview could be made, the whole image is returned')
    return { lines, image: block(image) }
  }
}

function block(image: Base64Image): ContentBlock {
  return { type: 'image', data: image, mimeType: image.mimeType }
}

function linkTo({ name, bytes }: SavedImage, { mimeType }: Base64Image): ContentBlock {
  return { type: 'resource_link', uri: imageUri(name), name, mimeType, size: bytes }
}

/** A name for an image that nobody named; the store adds a counter if it is taken. */
function nameFor({ mimeType }: Base64Image): string {
  const time = new Date().toISOString().replaceAll(/[:.]/g, '-')
  return `image-${time}.${mimeType.slice('image/'.length)}`
}

/** Says why the file is not called what the caller wrote. */
function renaming({ changes }: SavedImage, { mimeType }: Base64Image): string[] {
  return changes.map((change) =>
    change === 'extension'
      ? `The file name has another ending than asked, because the image is ${mimeType}.`
      : 'A number was added to the file name, because a file of that name exists and is never replaced.',
  )
}
