import type { DeploymentInfo, ImageResult } from '../azure/types.ts'
import type { Base64Image } from '../bytes/base64-image.ts'
import { toToolResult } from '../calls/result-content.ts'
import type { CallContext, ResourceLink, ToolResult } from '../calls/types.ts'
import { ServiceError } from '../errors/errors.ts'
import type { ImageLimits } from '../imaging/image-probe.ts'
import type { PixelWork } from '../imaging/pixel-work.ts'
import { createPreview, type Preview } from '../imaging/preview.ts'
import type { ImageStore, SavedImage, SaveTarget } from '../library/image-store.ts'
import { imageUri } from '../library/image-uri.ts'
import { printablePath } from '../library/output-path.ts'
import { chooseWhole } from './inline-share.ts'
import { costNotes, countNotes, fallbackNotes, mergeNotes, nameNotes, previewNote } from './result-notes.ts'
import { type RequestedSize, sizeNotes } from './size-note.ts'

export interface ImageResultsOptions {
  store: ImageStore
  /**
   * Opens a store for images that are too large for a response and could not be written to `store`, where a large response
   * breaks the connection. Its images have no URIs. Absent: such images are returned whole.
   */
  openReserve?: (() => Promise<ImageStore>) | undefined
  pixels: PixelWork
  /** Limits of the images of which previews are made. */
  imageLimits: Omit<ImageLimits, 'maxBytes'>
  /** Characters of base64 that the images of a response may have together; 0: unlimited. */
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
  /** Images that were requested. */
  count: number
  deployment: DeploymentInfo
  /** Arguments that the model which generated the images does not accept. */
  ignored: readonly string[]
}

export interface ImageResults {
  /**
   * The content of a paid result. Never throws, so that no paid image is lost: one that cannot be saved is returned with a
   * note.
   */
  toContent(result: ImageResult, facts: RequestFacts, context: CallContext): Promise<ToolResult>
}

/** One image on its way into the response. */
interface Output {
  readonly image: Base64Image
  readonly isWhole: boolean
  saved?: SavedImage
  /** Why it is not in the store. */
  failure?: string
  shown?: Base64Image | undefined
}

export function createImageResults(options: ImageResultsOptions): ImageResults {
  const { store, openReserve, maxInlineBytes } = options

  async function save(outputs: readonly Output[], target: SaveTarget | undefined, log: LogFailure): Promise<void> {
    const results = await saveSet(outputs, target, store)
    for (const [index, output] of outputs.entries()) {
      const result = results[index]
      if (result?.status === 'fulfilled') {
        output.saved = result.value
        options.onSaved()
      } else {
        output.failure = sentenceOf(result?.reason)
        options.onNotSaved()
        log(result?.reason, 'saving a paid image failed')
      }
    }
  }

  /** Saves in the temporary folder what can neither be saved elsewhere nor sent. */
  async function saveInReserve(outputs: readonly Output[], log: LogFailure): Promise<void> {
    if (outputs.length === 0 || openReserve === undefined) return
    const results = await openReserve()
      .then((reserve) => saveSet(outputs, undefined, reserve))
      .catch((error: unknown) => outputs.map(() => rejected(error)))
    for (const [index, output] of outputs.entries()) {
      const result = results[index]
      if (result?.status === 'fulfilled') output.saved = result.value
      else log(result?.reason, 'saving a paid image in the temporary folder failed')
    }
  }

  /** Sets what of the image is in the response. Returns the notes on it. */
  async function show(output: Output, share: number, context: CallContext): Promise<string[]> {
    const { image, isWhole, saved, failure } = output
    const reasons = failure === undefined ? [] : [failure]
    if (isWhole || (saved === undefined && openReserve === undefined)) {
      output.shown = image
      return reasons.map((reason) => `${reason} The image is included in this response.`)
    }
    const log = logOf(context)
    const preview = await previewOf(image, share, options, context).catch((err: unknown) => log(err, 'preview failed'))
    await image[Symbol.asyncDispose]().catch((err: unknown) => log(err, 'image buffer release failed'))
    output.shown = preview?.image
    const place = saved && (failure === undefined ? { uri: imageUri(saved.name) } : ('temporary' as const))
    return [...reasons, previewNote(image, preview, place)]
  }

  return {
    async toContent(result, facts, context) {
      const { verb, target, requestedSize, count, deployment, ignored } = facts
      const log = logOf(context)
      if (target !== undefined) context.progress('saving')
      const sizes = result.images.map(({ encodedBytes }) => encodedBytes)
      const { isWhole, share } = chooseWhole(sizes, maxInlineBytes)
      const outputs = result.images.map((image, index): Output => ({ image, isWhole: isWhole[index] !== false }))
      await save(target === undefined ? outputs.filter((output) => !output.isWhole) : outputs, target, log)
      await saveInReserve(
        outputs.filter((output) => !output.isWhole && output.saved === undefined),
        log,
      )
      const notes: string[][] = []
      for (const output of outputs) {
        const { saved, image } = output
        notes.push([
          ...(saved === undefined ? [] : nameNotes(saved, image)),
          ...(await show(output, share, context)),
          ...sizeNotes(image, requestedSize, result.producedBy.model),
        ])
      }
      return toToolResult({
        text: outputs.map(({ saved }) => lineOf(verb, saved)).join('\n'),
        images: outputs.flatMap(({ shown }) => shown ?? []),
        notes: [
          ...countNotes(result, count),
          ...mergeNotes(notes),
          ...fallbackNotes(result, deployment, ignored),
          ...(options.reportCost ? costNotes(result) : []),
        ],
        links: outputs.flatMap((output) => linksTo(output)),
      })
    },
  }
}

/** The results in the order of the outputs. */
async function saveSet(outputs: readonly Output[], target: SaveTarget | undefined, store: ImageStore) {
  const [first] = outputs
  if (first === undefined) return []
  try {
    const images = outputs.map(({ image }) => image)
    return await store.saveSet(target ?? (await store.resolve(generateName(first.image))), images)
  } catch (error) {
    return outputs.map(() => rejected(error))
  }
}

const rejected = (reason: unknown): PromiseRejectedResult => ({ status: 'rejected', reason })

/** Clients take everything behind the colon for the path. */
function lineOf(verb: RequestFacts['verb'], saved: SavedImage | undefined): string {
  return `Image successfully ${verb}.${saved === undefined ? '' : ` Saved to server at: ${printablePath(saved.location)}`}`
}

/** A link where the image itself is not in the response. */
function linksTo({ image, saved, failure, shown }: Output): ResourceLink[] {
  if (saved === undefined || failure !== undefined || shown === image) return []
  const { name, bytes } = saved
  return [{ type: 'resource_link', uri: imageUri(name), name, mimeType: image.mimeType, size: bytes }]
}

function sentenceOf(reason: unknown): string {
  return reason instanceof ServiceError ? reason.message : 'The image was not saved: writing the file failed.'
}

const MIN_PREVIEW_MS = 20_000

/** A preview of at most `share` characters of base64. */
async function previewOf(
  image: Base64Image,
  share: number,
  { pixels, imageLimits: limits }: ImageResultsOptions,
  { caller: { id: caller }, deadlineAt }: CallContext,
): Promise<Preview> {
  // No signal: a client that disconnects may still fetch the paid result. An image that came late gets its preview too.
  const claim = { caller, deadlineAt: Math.max(deadlineAt, performance.now() + MIN_PREVIEW_MS) }
  return await createPreview(image, { maxEncodedBytes: share, limits, pixels, claim })
}

type LogFailure = (err: unknown, message: string) => undefined

function logOf({ log, id: requestId }: CallContext): LogFailure {
  return (err, message) => {
    log.warn({ err, requestId }, message)
    return undefined
  }
}

/** A name for a large image without `output_path`; the store adds a number if it is taken. */
function generateName({ mimeType }: Base64Image): string {
  const time = new Date().toISOString().replaceAll(/[:.]/g, '-')
  return `image-${time}.${mimeType.slice('image/'.length).replace('+xml', '')}`
}
