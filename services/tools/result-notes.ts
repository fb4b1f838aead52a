import type { DeploymentInfo, ImageResult, MissingImages } from '../azure/types.ts'
import type { Base64Image } from '../bytes/base64-image.ts'
import type { ContentBlock } from '../calls/types.ts'
import type { ErrorCode, ServiceError } from '../errors/errors.ts'
import type { Preview } from '../imaging/preview.ts'
import { formatSize } from '../imaging/size.ts'
import type { SavedImage, SaveTarget } from '../library/image-store.ts'

/** The sentences of a result beside its first text. */

/** Of each image its notes, in one list: a note of all images stands once, any other names its image. */
export function mergeNotes(notes: readonly (readonly string[])[]): string[] {
  const [first = [], ...others] = notes
  if (others.length === 0) return [...first]
  const isShared = (note: string) => notes.every((each) => each.includes(note))
  const own = notes.flatMap((each, index) =>
    each.filter((note) => !isShared(note)).map((note) => `Image ${index + 1}: ${note}`),
  )
  return [...first.filter(isShared), ...own]
}

/** Of an image that is returned whole: its bytes are those that Azure or an upload had. */
export const CREDENTIALS_PRESERVED = 'Content Credentials: preserved.'

/** Named in every result, so that a model can edit what it just made. */
export const idNote = (id: string): string => `Image id: ${id} (pass it as "image" to edit_image).`

const ID_NOTE = /^(?:Image (\d+): )?Image id: (img_[0-9a-z]{26}) \(/
const LINK_NOTE = /^(?:Image \d+: )?Link to the image/

/**
 * The notes of a result for clients that get ids and links in members of their own.
 * @returns `ids` by the number of the image, from 0; the place of one that has none is empty
 */
export function readNotes(content: readonly ContentBlock[]): { ids: string[]; notes: string[] } {
  const [, ...texts] = content.filter((block) => block.type === 'text')
  const lines = texts.flatMap(({ text }) => text.split('\n'))
  const ids: string[] = []
  for (const [, number = '1', id] of lines.map((line) => ID_NOTE.exec(line) ?? [])) {
    if (id !== undefined) ids[Number(number) - 1] = id
  }
  return { ids, notes: lines.filter((line) => !ID_NOTE.test(line) && !LINK_NOTE.test(line)) }
}

const notInLibrary: { readonly [C in ErrorCode]?: string } = {
  IMG_ERR_STORE_SLOW: 'the store is slow',
  IMG_ERR_STORE_FULL: 'the store is full',
  IMG_ERR_STORE_UNWRITABLE: 'the store is not writable',
  IMG_ERR_STORE_DENIED: 'the store is missing or denies access',
  IMG_ERR_STORE_UNAVAILABLE: 'the store is not available at the moment',
}

/** Why an image is not where it should be. @param target the name that it did not get; undefined: only its id is missing */
export function notStoredNote(failure: ServiceError, target: SaveTarget | undefined): string {
  if (target !== undefined) return failure.message
  return `Not in the library: ${notInLibrary[failure.code] ?? 'writing to the store failed'}.`
}

/** Why the file name differs from the requested one. */
export function nameNotes({ changes }: SavedImage, { mimeType }: { mimeType: string }): string[] {
  return changes.map((change) =>
    change === 'extension'
      ? `The file extension differs from the requested one because the image is ${mimeType}.`
      : 'A number was added to the file name because a file with that name exists, and files are never replaced.',
  )
}

/**
 * What is in a response in the place of an image that is too large for it.
 * @param uri of the whole image, or `temporary` if it is in the temporary folder; undefined: it could not be saved
 */
export function previewNote(
  image: Base64Image,
  preview: Preview | undefined,
  { uri, isRequested = false }: { uri: string | undefined; isRequested?: boolean },
): string {
  const shown =
    preview === undefined
      ? `${isRequested ? 'No preview of the image can be made' : 'The image is too large for this response, and no preview of it can be made'}`
      : `The image is a preview of ${formatSize(preview.image)}`
  const size = formatSize(image)
  if (uri === undefined) return `${shown}; the whole image of ${size} could not be saved.`
  return [
    `${shown}; the saved file has the full size of ${size}.`,
    ...(preview?.hasCredentials === true ? ['The preview has no Content Credentials; the saved file has them.'] : []),
    uri === 'temporary' ? 'It is in a temporary folder: move it to keep it.' : `Read it with resources/read: ${uri}`,
  ].join(' ')
}

/** @param requested images that the call asked for */
export function countNotes({ images, missing }: ImageResult, requested: number): string[] {
  if (images.length >= requested) return []
  return [`${images.length} of ${requested} images were returned; ${reasonOf(missing)}.`]
}

function reasonOf(missing: MissingImages | undefined): string {
  switch (missing?.cause) {
    case 'filter': {
      const { categories } = missing
      const names = categories.length === 0 ? '' : ` (${categories.join(', ')})`
      return `Azure's content filter removed the others${names}`
    }
    case 'download':
      return 'the others could not be downloaded'
    case 'unreadable':
      return 'the rest of the response could not be read'
    default:
      return 'Azure does not say why'
  }
}

/**
 * Who generated the images, if not the deployment that the call named.
 *
 * @param ignored arguments of the call that its model does not accept
 */
export function producerNotes(
  { producedBy, isFallback }: ImageResult,
  { name }: DeploymentInfo,
  ignored: readonly string[],
): string[] {
  const { deployment, model } = producedBy
  if (deployment === name) return []
  const by = `Generated by ${deployment} (${model})`
  const because = isFallback ? `${by}, because ${name} was not available.` : `${by}.`
  return [ignored.length === 0 ? because : `${because} It does not support the requested ${ignored.join(', ')}.`]
}

/** The least cost in US dollars that is reported as a number. */
const MIN_COST_USD = 0.0001

export function costNotes({ costUsd }: { costUsd?: number | undefined }): string[] {
  if (costUsd === undefined) return []
  const isTiny = costUsd > 0 && costUsd < MIN_COST_USD
  return [`Cost: ${isTiny ? `less than US$${MIN_COST_USD}` : `about US$${costUsd.toFixed(4)}`} at list price.`]
}
