import { join } from 'node:path'
import type { DeploymentInfo, ImageResult } from '../azure/types.ts'
import type { Base64Image } from '../bytes/base64-image.ts'
import { toToolResult } from '../calls/result-content.ts'
import type { CallContext, ResourceLink, ToolResult } from '../calls/types.ts'
import type { CredentialsState } from '../imaging/content-credentials.ts'
import type { ImageLimits } from '../imaging/image-probe.ts'
import type { PixelWork } from '../imaging/pixel-work.ts'
import { createPreview, type Preview } from '../imaging/preview.ts'
import { previewLimit } from '../imaging/transform.ts'
import type { NewImageFacts } from '../library/add-images.ts'
import { uriOfId } from '../library/image-reference.ts'
import type { SavedImage, SaveTarget } from '../library/image-store.ts'
import { imageUri } from '../library/image-uri.ts'
import type { Links } from '../library/links/links.ts'
import { printablePath } from '../library/output-path.ts'
import type { Delivery } from './arguments.ts'
import { chooseWhole } from './inline-share.ts'
import {
  CREDENTIALS_PRESERVED,
  costNotes,
  countNotes,
  fallbackNotes,
  idNote,
  linkNote,
  mergeNotes,
  nameNotes,
  notStoredNote,
  previewNote,
} from './result-notes.ts'
import { createResultSaver, type LogFailure, type ResultSaverOptions, type SavedOutput } from './result-saver.ts'
import { type RequestedSize, sizeNotes } from './size-note.ts'

export interface ImageResultsOptions extends ResultSaverOptions {
  /** Undefined: images have no addresses. */
  links: Links | undefined
  /** The folder of the store if clients can open its files; undefined otherwise. */
  localFolder: string | undefined
  pixels: PixelWork
  /** Limits of the images of which previews are made. */
  imageLimits: Omit<ImageLimits, 'maxBytes'>
  /** Characters of base64 that the images of a response may have together; 0: unlimited. */
  maxInlineBytes: number
  /** Whether results report the list price. */
  reportCost: boolean
  /** What became of the Content Credentials of an image. */
  onCredentials(state: CredentialsState): void
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
  prompt: string
  seed?: number | undefined
  /** Ids of the images that were edited or used, the edited one first. */
  parents: readonly string[]
  tags: readonly string[]
  /** What the result has of each image. */
  delivery: Delivery
}

export interface ImageResults {
  /**
   * The content of a paid result. Never throws, so that no paid image is lost: one that cannot be saved is returned with a
   * note.
   */
  toContent(result: ImageResult, facts: RequestFacts, context: CallContext): Promise<ToolResult>
}

/** One image on its way into the response. */
interface Output extends SavedOutput {
  shown?: Base64Image | undefined
  /** The link in its place. */
  url?: string
}

export function createImageResults(options: ImageResultsOptions): ImageResults {
  const { links, openReserve, maxInlineBytes } = options
  const saver = createResultSaver(options)

  /** Where a client on this machine finds an image whose path the first line does not name. */
  function pathNotes({ saved, record }: Output): string[] {
    if (saved !== undefined || record === undefined || options.localFolder === undefined) return []
    return [`The whole image is at: ${printablePath(join(options.localFolder, record.location))}`]
  }

  /** Sets what of the image is in the response. Returns the notes on it. */
  async function show(output: Output, share: number, facts: RequestFacts, context: CallContext) {
    const { image, isWhole, failure, isTemporary } = output
    const { target } = facts
    const uri = uriOf(output)
    const reasons =
      failure === undefined ? [] : [notStoredNote(failure, output.saved === undefined ? target : undefined)]
    const delivery = deliveryOf(output, facts)
    if (delivery === 'image' && (isWhole || (uri === undefined && openReserve === undefined))) {
      output.shown = image
      options.onCredentials(image.hasCredentials ? 'preserved' : 'absent')
      return [
        ...reasons.map((reason) => `${reason} The image is included in this response.`),
        ...(image.hasCredentials ? [CREDENTIALS_PRESERVED] : []),
      ]
    }
    options.onCredentials(image.hasCredentials ? 'stored' : 'absent')
    const log = logOf(context)
    const { record } = output
    if (delivery === 'link' && record !== undefined && links !== undefined && context.baseUrl !== undefined) {
      await image[Symbol.asyncDispose]().catch((err: unknown) => log(err, 'image buffer release failed'))
      output.url = links.urlOf(record.id, context.baseUrl)
      return [...reasons, linkNote(output.url)]
    }
    const limit = delivery === 'image' ? share : previewLimit(share)
    const preview = await previewOf(image, limit, options, context).catch((err: unknown) => log(err, 'preview failed'))
    if (preview === undefined && isWhole) {
      output.shown = image
      return [...reasons, 'No preview of the image can be made; it is included in this response.']
    }
    await image[Symbol.asyncDispose]().catch((err: unknown) => log(err, 'image buffer release failed'))
    output.shown = preview?.image
    return [
      ...reasons,
      previewNote(image, preview, { uri: isTemporary ? 'temporary' : uri, isRequested: delivery !== 'image' }),
      ...pathNotes(output),
    ]
  }

  return {
    async toContent(result, facts, context) {
      const { verb, target, requestedSize, count, deployment, ignored } = facts
      const log = logOf(context)
      if (target !== undefined) context.progress('saving')
      const sizes = result.images.map(({ encodedBytes }) => encodedBytes)
      const { isWhole, share } = chooseWhole(sizes, maxInlineBytes)
      const outputs = result.images.map((image, index): Output => ({ image, isWhole: isWhole[index] !== false }))
      await saver.save(outputs, recordFacts(result, facts, context), target, log)
      await saver.saveInReserve(
        outputs.filter((output) => !output.isWhole && uriOf(output) === undefined),
        log,
      )
      const notes: string[][] = []
      for (const output of outputs) {
        const { saved, record, image } = output
        notes.push([
          ...(record === undefined ? [] : [idNote(record.id)]),
          ...(saved === undefined ? [] : nameNotes(saved, image)),
          ...(await show(output, share, facts, context)),
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

function recordFacts(
  { images, producedBy, costUsd }: ImageResult,
  { verb, prompt, seed, parents, tags }: RequestFacts,
  { access: { owner }, id: callId }: CallContext,
): NewImageFacts {
  return {
    origin: verb,
    owner,
    prompt,
    ...producedBy,
    parents: [...parents],
    tags: [...tags],
    callId,
    ...(seed === undefined ? {} : { seed }),
    ...(costUsd === undefined ? {} : { costUsd: costUsd / images.length }),
  }
}

/** Where a client reads the whole image; undefined if it is not in the store. */
function uriOf({ record, saved, isTemporary }: Output): string | undefined {
  if (record !== undefined) return uriOfId(record.id)
  return saved === undefined || isTemporary ? undefined : imageUri(saved.name)
}

/** Clients take everything behind the colon for the path. */
function lineOf(verb: RequestFacts['verb'], saved: SavedImage | undefined): string {
  return `Image successfully ${verb}.${saved === undefined ? '' : ` Saved to server at: ${printablePath(saved.location)}`}`
}

/** A link where the image itself is not in the response. */
function linksTo(output: Output): ResourceLink[] {
  const { image, saved, record, shown, url } = output
  const uri = url ?? uriOf(output)
  if (uri === undefined || shown === image) return []
  const name = saved?.name ?? record?.id ?? uri
  return [{ type: 'resource_link', uri, name, mimeType: image.mimeType, size: image.bytes }]
}

/** What is returned of an image: one that is in no store is returned whole. */
function deliveryOf(output: Output, { delivery }: RequestFacts): Delivery {
  return output.record === undefined ? 'image' : delivery
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

function logOf({ log, id: requestId }: CallContext): LogFailure {
  return (err, message) => {
    log.warn({ err, requestId }, message)
    return undefined
  }
}
