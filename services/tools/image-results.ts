import { join } from 'node:path'
import type { ImageResult } from '../azure/types.ts'
import { type Base64Image, disposeAll } from '../bytes/base64-image.ts'
import type { BufferSpool } from '../bytes/spooled-buffer.ts'
import { linkNote } from '../calls/library-result.ts'
import { toToolResult } from '../calls/result-content.ts'
import type { CallContext, ResourceLink, ToolResult } from '../calls/types.ts'
import type { CredentialsState } from '../imaging/content-credentials.ts'
import type { ImageLimits } from '../imaging/image-probe.ts'
import type { PixelWork } from '../imaging/pixel-work.ts'
import { createPreview, type Preview } from '../imaging/preview.ts'
import { previewLimit } from '../imaging/transform.ts'
import type { NewImageFacts } from '../library/add-images.ts'
import type { SavedImage, SaveTarget } from '../library/image-store.ts'
import type { Links } from '../library/links/links.ts'
import { printablePath } from '../library/output-path.ts'
import type { Delivery } from './arguments.ts'
import { composeAll, compositeNotes } from './composites.ts'
import { type Output, paidFacts, type RequestFacts, recordFacts, storedResult, uriOf } from './image-output.ts'
import { chooseWhole } from './inline-share.ts'
import {
  CREDENTIALS_PRESERVED,
  costNotes,
  countNotes,
  idNote,
  mergeNotes,
  nameNotes,
  notStoredNote,
  previewNote,
  producerNotes,
} from './result-notes.ts'
import { createResultSaver, type LogFailure, logOf, type ResultSaverOptions } from './result-saver.ts'
import { sizeNotes } from './size-note.ts'

export interface ImageResultsOptions extends ResultSaverOptions {
  /** Undefined: images have no addresses. */
  links: Links | undefined
  /** The folder of the store if clients can open its files; undefined otherwise. */
  localFolder: string | undefined
  pixels: PixelWork
  /** Buffers composites. */
  spool: BufferSpool
  /** Limits of the images of which previews are made. */
  imageLimits: Omit<ImageLimits, 'maxBytes'>
  /** Characters of base64 that the images of a response may have together; 0: unlimited. */
  maxInlineBytes: number
  /** Whether results report the list price. */
  reportCost: boolean
  /** What became of the Content Credentials of an image. */
  onCredentials(state: CredentialsState): void
}

export interface ImageResults {
  /**
   * The content of a paid result. Never throws, so that no paid image is lost: one that cannot be saved is returned with a
   * note.
   */
  toContent(result: ImageResult, facts: RequestFacts, context: CallContext): Promise<ToolResult>
}

export function createImageResults(options: ImageResultsOptions): ImageResults {
  const { links, openReserve, maxInlineBytes } = options
  const saver = createResultSaver(options)
  const composerOptions = { ...options, limits: options.imageLimits }

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
    // Those of Azure's image, of which this is a composite without any.
    const isStored = output.azure?.record?.hasCredentials === true
    if (delivery === 'image' && (isWhole || (uri === undefined && openReserve === undefined))) {
      output.shown = image
      options.onCredentials(image.hasCredentials ? 'preserved' : isStored ? 'stored' : 'absent')
      return [
        ...reasons.map((reason) => `${reason} The image is included in this response.`),
        ...(image.hasCredentials ? [CREDENTIALS_PRESERVED] : []),
      ]
    }
    options.onCredentials(image.hasCredentials || isStored ? 'stored' : 'absent')
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

  /** Composites have the name that was requested; what Azure sent is stored before them, since it is their parent. */
  async function saveAll(
    outputs: readonly Output[],
    facts: NewImageFacts,
    target: SaveTarget | undefined,
    log: LogFailure,
    context: CallContext,
  ): Promise<void> {
    const { costUsd, ...unpaid } = facts
    const parents = outputs.flatMap(({ azure }) => azure ?? [])
    const since = performance.now()
    if (parents.length > 0) await saver.save(parents, { ...facts, tags: [] }, undefined, log, context, since)
    for (const output of outputs) {
      const { azure } = output
      const parent = azure?.record
      // What was paid stands at one image: the parent, if it is there.
      const cost = costUsd === undefined || parent !== undefined ? {} : { costUsd }
      const parentIds = parent === undefined ? facts.parents : [parent.id]
      output.ownFacts = azure === undefined ? cost : { ...cost, origin: 'composite', parents: parentIds }
    }
    await saver.save(outputs, unpaid, target, log, context, since)
    await disposeAll(parents.map(({ image }) => image)).catch((err: unknown) => log(err, 'image buffer release failed'))
  }

  return {
    async toContent(result, facts, context) {
      const { verb, target, requestedSize, count, deployment, ignored } = facts
      const log = logOf(context)
      if (target !== undefined) context.progress('saving')
      const composed =
        facts.keep === undefined ? [] : await composeAll(result.images, facts.keep, composerOptions, context, log)
      const images = result.images.map((image, at) => composed[at]?.composite ?? image)
      const sizes = images.map(({ encodedBytes }) => encodedBytes)
      const { isWhole, share } = chooseWhole(sizes, context.takesWholeImages === true ? 0 : maxInlineBytes)
      const outputs = result.images.map((image, index): Output => {
        const { composite, failure: notComposed } = composed[index] ?? {}
        const common = { isWhole: isWhole[index] !== false, notComposed }
        if (composite === undefined) return { image, ...common }
        return { image: composite, ...common, azure: { image, isWhole: true } }
      })
      // A call that becomes a job from now on would lose its images if the store were slow.
      context.isSaving = context.isDetached !== true
      await saveAll(outputs, recordFacts(result, facts, context), target, log, context)
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
          ...(output.azure === undefined
            ? sizeNotes(image, requestedSize, result.producedBy.model)
            : compositeNotes(image, output.azure, facts.keep?.feather ?? 0)),
          ...(output.notComposed === undefined ? [] : [output.notComposed.message]),
        ])
      }
      const parts = {
        text: outputs.map(({ saved }) => lineOf(verb, saved)).join('\n'),
        images: outputs.flatMap(({ shown }) => shown ?? []),
        notes: [
          ...countNotes(result, count),
          ...mergeNotes(notes),
          ...producerNotes(result, deployment, ignored),
          ...(options.reportCost ? costNotes(result) : []),
        ],
        links: outputs.flatMap((output) => linksTo(output)),
      }
      return { ...toToolResult(parts), stored: storedResult(parts, outputs), paid: paidFacts(result, outputs) }
    },
  }
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
