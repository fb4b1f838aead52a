import type { Base64Image } from '../bytes/base64-image.ts'
import { type AddedImage, type NewImageFacts, toFailure } from '../library/add-images.ts'
import type { ImageStore, SaveTarget } from '../library/image-store.ts'
import type { Library } from '../library/library.ts'

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
  onNotSaved(): void
}

/** An image of a result, and where it is stored. */
export interface SavedOutput extends AddedImage {
  readonly image: Base64Image
  /** Whether the response has capacity for the whole image. */
  readonly isWhole: boolean
  /** Whether it could only be stored in the temporary folder. */
  isTemporary?: true
}

export type LogFailure = (err: unknown, message: string) => undefined

/** Stores the images of results. Never throws: a paid image that cannot be stored is returned with the reason. */
export interface ResultSaver {
  /** With the library every image is stored, without it those with a name and those that are too large to be sent. */
  save(
    outputs: readonly SavedOutput[],
    facts: NewImageFacts,
    target: SaveTarget | undefined,
    log: LogFailure,
  ): Promise<void>
  /** Saves in the temporary folder what can neither be saved elsewhere nor sent. */
  saveInReserve(outputs: readonly SavedOutput[], log: LogFailure): Promise<void>
}

export function createResultSaver({
  store,
  library,
  openReserve,
  onSaved,
  onNotSaved,
}: ResultSaverOptions): ResultSaver {
  return {
    async save(outputs, facts, target, log) {
      const chosen = library === undefined && target === undefined ? outputs.filter(({ isWhole }) => !isWhole) : outputs
      const images = chosen.map(({ image }) => image)
      const added =
        library === undefined ? await saveSet(images, target, store) : await library.add(images, facts, target)
      for (const [index, output] of chosen.entries()) {
        Object.assign(output, added[index])
        if (output.failure === undefined) onSaved()
        else {
          onNotSaved()
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
  return `image-${time}.${mimeType.slice('image/'.length).replace('+xml', '')}`
}
