import type { Base64Image } from '../bytes/base64-image.ts'
import { formatNameOf } from '../bytes/image-extensions.ts'
import type { CallContext } from '../calls/types.ts'
import { type ErrorCode, ServiceError } from '../errors/errors.ts'
import { type AddedImage, type NewImageFacts, toFailure } from '../library/add-images.ts'
import type { ImageStore, SaveTarget } from '../library/image-store.ts'
import type { Library } from '../library/library.ts'
import type { ClientLine } from '../logging/client-line.ts'
import { errorTypeOf } from '../telemetry/trace.ts'

export interface ResultSaverOptions {
  store: ImageStore
  /** Undefined: images have no ids, and only named ones are stored. */
  library: Library | undefined
  /**
   * Opens a store for images that are too large for a response and could not be written to `store`, where a large response
   * breaks the connection. Its images have no URIs. Absent: such images are returned whole.
   */
  openReserve?: (() => Promise<ImageStore>) | undefined
  /** An image has been written to the store. */
  onSaved(): void
  /** An image could not be written to the store. */
  onNotSaved(code: ErrorCode): void
}

/** An image of a result, and where it is stored. */
export interface SavedOutput extends AddedImage {
  readonly image: Base64Image
  /** What is known of this image alone. */
  ownFacts?: Partial<NewImageFacts>
  /** Whether the response has capacity for the whole image. */
  readonly isWhole: boolean
  /** Whether it could only be stored in the temporary folder. */
  isTemporary?: true
}

export type LogFailure = (err: unknown, message: string) => undefined

/** Stores the images of results. Never throws: a paid image that cannot be stored is returned with the reason. */
export interface ResultSaver {
  /**
   * With the library every image is stored, those of a job (`isDetached`) also if the store is slow; without it those with a
   * name and those that are too large to be sent.
   */
  save(
    outputs: readonly SavedOutput[],
    facts: NewImageFacts,
    target: SaveTarget | undefined,
    log: LogFailure,
    context: Pick<CallContext, 'isDetached' | 'trace'>,
    /** `performance.now()` from which on the response waits for the store; now, if absent. */
    since?: number,
  ): Promise<void>
  /** Saves in the temporary folder what can neither be saved elsewhere nor sent. */
  saveInReserve(outputs: readonly SavedOutput[], log: LogFailure): Promise<void>
}

/** For the images of a job: without them in the library its result is lost. */
const DETACHED_WAIT_MS = 120_000

export function createResultSaver({
  store,
  library,
  openReserve,
  onSaved,
  onNotSaved,
}: ResultSaverOptions): ResultSaver {
  return {
    async save(outputs, facts, target, log, { isDetached, trace }, since) {
      const chosen = library === undefined && target === undefined ? outputs.filter(({ isWhole }) => !isWhole) : outputs
      const images = chosen.map(({ image }) => image)
      const wait = { ms: isDetached === true ? DETACHED_WAIT_MS : undefined, since }
      if (images.length === 0) return
      const span = trace.start('store images', { facts: { 'image_mcp.images': images.length } })
      const own = chosen.map(({ ownFacts = {} }) => ownFacts)
      const added =
        library === undefined
          ? await saveSet(images, target, store)
          : await library.add(images, facts, target, wait, own)
      const failure = added.find((each) => each.failure !== undefined)?.failure
      if (failure !== undefined) span.fail(errorTypeOf(failure))
      span.end()
      for (const [index, output] of chosen.entries()) {
        Object.assign(output, added[index])
        if (output.failure === undefined) onSaved()
        else {
          onNotSaved(output.failure.code)
          log(output.failure, 'saving a paid image failed')
        }
      }
    },
    async saveInReserve(outputs, log) {
      if (outputs.length === 0 || openReserve === undefined) return
      const images = outputs.map(({ image }) => image)
      const results: AddedImage[] = await openReserve()
        .then((reserve) => saveSet(images, undefined, reserve))
        .catch((cause: unknown) => outputs.map(() => toFailure(cause)))
      for (const [index, output] of outputs.entries()) {
        const { saved, failure } = results[index] ?? {}
        if (saved !== undefined) Object.assign(output, { saved, isTemporary: true })
        else log(failure, 'saving a paid image in the temporary folder failed')
      }
    },
  }
}

/** The results in the order of the images. Never rejects. */
async function saveSet(
  images: readonly Base64Image[],
  target: SaveTarget | undefined,
  store: ImageStore,
): Promise<AddedImage[]> {
  const [first] = images
  if (first === undefined) return []
  try {
    const results = await store.saveSet(target ?? (await store.resolve(generateName(first))), images)
    return results.map((each) => (each.status === 'fulfilled' ? { saved: each.value } : toFailure(each.reason)))
  } catch (error) {
    return images.map(() => toFailure(error))
  }
}

/** A name for a large image without `output_path`; the store adds a number if it is taken. */
function generateName({ mimeType }: Base64Image): string {
  const time = new Date().toISOString().replaceAll(/[:.]/g, '-')
  return `image-${time}.${formatNameOf(mimeType)}`
}

/** Logs a failure, and reports it to a client that requested log lines. */
export function logOf(context: CallContext): LogFailure {
  return (err, message) => {
    const code = err instanceof ServiceError ? err.code : undefined
    context.log.warn({ code, err, requestId: context.id }, message)
    context.tell?.(failureLine(err, message))
    return undefined
  }
}

function failureLine(error: unknown, message: string): ClientLine {
  const failure = error instanceof ServiceError ? { message: error.message, code: error.code } : { message }
  return { level: 'warning', logger: 'library', ...failure }
}
