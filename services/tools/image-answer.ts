import type { ImageAnswer, Size } from '../azure/images-client.ts'
import { ServiceError } from '../errors.ts'
import type { EncodedImage } from '../images/encoded-image.ts'
import type { SavedImage, SaveTarget } from '../images/image-store.ts'
import type { ToolContext, ToolResult } from '../mcp/catalog.ts'
import { formatSize, isSameSize } from './size.ts'
import type { ToolOptions } from './tool-options.ts'

type Saving = Pick<ToolOptions, 'store' | 'onSaved'>

export interface FinishOptions {
  /** What the first line says was done. */
  verb: 'generated' | 'edited'
  /** Where the caller wants the picture saved; checked before Azure was asked. */
  target: SaveTarget | undefined
  /** What the caller asked for, or the size of the picture it sent. */
  wish: Size
  model: string
}

/**
 * Turns a paid answer into a result: text first, then the pictures. From here on nothing may throw the pictures away:
 * one that cannot be saved is returned all the same, with a line that says so.
 */
export async function finishImages(
  { images }: ImageAnswer,
  saving: Saving,
  options: FinishOptions,
  context: ToolContext,
): Promise<ToolResult> {
  if (options.target !== undefined) context.progress('saving')
  const lines: string[] = []
  for (const image of images) lines.push(...(await finishOne(image, saving, options, context)))
  return {
    content: [
      { type: 'text', text: lines.join('\n') },
      ...images.map((image) => ({ type: 'image' as const, data: image, mimeType: image.mimeType })),
    ],
  }
}

async function finishOne(
  image: EncodedImage,
  { store, onSaved }: Saving,
  { verb, target, wish, model }: FinishOptions,
  context: ToolContext,
): Promise<string[]> {
  const done = `Image successfully ${verb}.`
  const facts = isSameSize(image, wish)
    ? []
    : [`Size: ${formatSize(image)} (${formatSize(wish)} was asked for; ${model} makes the nearest it can).`]
  if (target === undefined) return [done, ...facts]
  try {
    const saved = await store.save(target, image)
    onSaved()
    return [`${done} Saved to server at: ${saved.path}`, ...renaming(saved, image), ...facts]
  } catch (error) {
    context.log.warn({ err: error, requestId: context.requestId }, 'picture was paid for but not saved')
    const reason = error instanceof ServiceError ? error.message : 'writing the file failed'
    return [done, `Not saved on the server: ${reason}. The picture itself is in this answer.`, ...facts]
  }
}

/** Says why the file is not called what the caller wrote. */
function renaming({ changes }: SavedImage, { mimeType }: EncodedImage): string[] {
  return changes.map((change) =>
    change === 'extension'
      ? `The file name has another ending than asked, because the picture is ${mimeType}.`
      : 'A number was added to the file name, because a file of that name exists and is never replaced.',
  )
}
