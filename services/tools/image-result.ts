import type { DeploymentCard, ImageAnswer, Size } from '../azure/types.ts'
import { ServiceError } from '../errors/errors.ts'
import type { EncodedImage } from '../bytes/base64-image.ts'
import type { SavedImage, SaveTarget } from '../library/image-store.ts'
import { createPreview } from '../imaging/preview.ts'
import type { ContentBlock, ToolContext, ToolResult } from '../mcp/catalog.ts'
import { pictureUri } from '../resources/saved-images.ts'
import { formatSize, isSameSize } from './size.ts'
import type { ToolOptions } from './tool-options.ts'

type Saving = Pick<
  ToolOptions,
  'store' | 'onSaved' | 'onNotSaved' | 'maxInlineBytes' | 'reportCost' | 'pixels' | 'imageLimits'
>

export interface FinishOptions {
  /** What the first line says was done. */
  verb: 'generated' | 'edited'
  /** Where the caller wants the picture saved; checked before Azure was asked. */
  target: SaveTarget | undefined
  /** What the caller asked for, or the size of the picture it sent; absent where a size was not asked for. */
  wish: Size | undefined
  /** The deployment that was asked. */
  card: DeploymentCard
}

interface Finished {
  lines: string[]
  picture: ContentBlock
  link?: ContentBlock
}

/**
 * Turns a paid answer into a result: text first, then the pictures, then links to those that were saved. From here on
 * nothing may throw the pictures away: one that cannot be saved is returned all the same, with a line that says so.
 */
export async function finishImages(
  answer: ImageAnswer,
  saving: Saving,
  options: FinishOptions,
  context: ToolContext,
): Promise<ToolResult> {
  if (options.target !== undefined) context.progress('saving')
  const finished: Finished[] = []
  for (const image of answer.images) finished.push(await finishOne(image, saving, options, answer, context))
  const lines = [...finished.flatMap((one) => one.lines), ...notes(answer, options.card, saving.reportCost)]
  return {
    content: [
      { type: 'text', text: lines.join('\n') },
      ...finished.map(({ picture }) => picture),
      ...finished.flatMap(({ link }) => link ?? []),
    ],
  }
}

async function finishOne(
  image: EncodedImage,
  saving: Saving,
  { verb, target, wish }: FinishOptions,
  { madeBy }: ImageAnswer,
  context: ToolContext,
): Promise<Finished> {
  const done = `Image successfully ${verb}.`
  const facts =
    wish === undefined || isSameSize(image, wish)
      ? []
      : [`Size: ${formatSize(image)} (${formatSize(wish)} was asked for; ${madeBy.model} makes the nearest it can).`]
  const isLarge = saving.maxInlineBytes > 0 && image.encodedBytes > saving.maxInlineBytes
  if (target === undefined && !isLarge) return { lines: [done, ...facts], picture: block(image) }
  try {
    const place = target ?? (await saving.store.resolve(nameFor(image)))
    const saved = await saving.store.save(place, image)
    saving.onSaved()
    const lines = [`${done} Saved to server at: ${saved.path}`, ...renaming(saved, image), ...facts]
    return { ...(await inline(image, lines, isLarge, saving, context)), link: linkTo(saved, image) }
  } catch (error) {
    saving.onNotSaved()
    context.log.warn({ err: error, requestId: context.requestId }, 'picture was paid for but not saved')
    const reason = error instanceof ServiceError ? error.message : 'The picture was not saved: writing the file failed.'
    return {
      lines: [done, `${reason} The picture itself is in this answer.`, ...facts],
      picture: block(image),
    }
  }
}

/** What is true of the call as a whole. */
function notes({ madeBy, costUsd }: ImageAnswer, card: DeploymentCard, reportCost: boolean): string[] {
  const lines: string[] = []
  if (madeBy.deployment !== card.name) {
    lines.push(`Made by ${madeBy.deployment} (${madeBy.model}), because ${card.name} was not available.`)
  }
  if (reportCost && costUsd !== undefined) lines.push(`Cost: about US$${costUsd.toFixed(4)} at list price.`)
  return lines
}

/** The whole picture, or a preview of one that is saved and too large for the client. */
async function inline(
  image: EncodedImage,
  lines: string[],
  isLarge: boolean,
  { maxInlineBytes, pixels, imageLimits: limits }: Saving,
  { log, requestId, caller, deadlineAt }: ToolContext,
): Promise<Finished> {
  if (!isLarge) return { lines, picture: block(image) }
  try {
    // Paid for: a caller that disconnected may come back for it, so only the deadline ends the work.
    const claim = { caller, deadlineAt }
    const preview = await createPreview(image, { maxEncodedBytes: maxInlineBytes, limits, pixels, claim })
    await image.release().catch((err) => log.warn({ err, requestId }, 'a picture was not given back'))
    const note = `The picture below is a preview of ${formatSize(preview)}; the whole one is the saved file of ${formatSize(image)}.`
    return { lines: [...lines, note], picture: block(preview) }
  } catch (err) {
    log.warn({ err, requestId }, 'no preview could be made, the whole picture is returned')
    return { lines, picture: block(image) }
  }
}

function block(image: EncodedImage): ContentBlock {
  return { type: 'image', data: image, mimeType: image.mimeType }
}

function linkTo({ name, bytes }: SavedImage, { mimeType }: EncodedImage): ContentBlock {
  return { type: 'resource_link', uri: pictureUri(name), name, mimeType, size: bytes }
}

/** A name for a picture that nobody named; the store adds a counter if it is taken. */
function nameFor({ mimeType }: EncodedImage): string {
  const time = new Date().toISOString().replaceAll(/[:.]/g, '-')
  return `picture-${time}.${mimeType.slice('image/'.length)}`
}

/** Says why the file is not called what the caller wrote. */
function renaming({ changes }: SavedImage, { mimeType }: EncodedImage): string[] {
  return changes.map((change) =>
    change === 'extension'
      ? `The file name has another ending than asked, because the picture is ${mimeType}.`
      : 'A number was added to the file name, because a file of that name exists and is never replaced.',
  )
}
