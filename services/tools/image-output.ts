import type { LibraryResult } from '../../schemas/library-result.ts'
import type { DeploymentInfo, ImageResult } from '../azure/types.ts'
import type { Base64Image } from '../bytes/base64-image.ts'
import type { ResultParts } from '../calls/result-content.ts'
import type { CallContext, PaidFacts } from '../calls/types.ts'
import type { ServiceError } from '../errors/errors.ts'
import type { Keep } from '../imaging/composite.ts'
import type { NewImageFacts } from '../library/add-images.ts'
import { uriOfId } from '../library/image-reference.ts'
import type { SaveTarget } from '../library/image-store.ts'
import { imageUri } from '../library/image-uri.ts'
import type { Delivery } from './arguments.ts'
import type { SavedOutput } from './result-saver.ts'
import type { RequestedSize } from './size-note.ts'

/** The images of a paid result, and what the library, the receipt and a repetition of the call know of them. */

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
  /** What of the edited image stays as it is. */
  keep?: Keep | undefined
}

/** One image on its way into the response. */
export interface Output extends SavedOutput {
  shown?: Base64Image | undefined
  /** The link in its place. */
  url?: string
  /** What Azure sent, if this is a composite of it. */
  azure?: SavedOutput
  /** Why it is none, although it should be. */
  notComposed?: ServiceError | undefined
}

/** What the library knows of each image. */
export function recordFacts(
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

/** What the receipt says. */
export function paidFacts(
  { images, producedBy, azureRequestId, usage, costUsd }: ImageResult,
  outputs: readonly Output[],
): PaidFacts {
  const records = outputs.flatMap(({ azure, record }) => [azure?.record ?? [], record ?? []].flat())
  const stored = records.map(({ id, sha256 }) => ({ id, sha256 }))
  return { ...producedBy, azureRequestId, usage, costUsd, count: images.length, images: stored }
}

/** Where a client reads the whole image; undefined if it is not in the store. */
export function uriOf({ record, saved, isTemporary }: Output): string | undefined {
  if (record !== undefined) return uriOfId(record.id)
  return saved === undefined || isTemporary ? undefined : imageUri(saved.name)
}

/** What of the result is in the library; undefined unless every image is. */
export function storedResult({ text, notes }: ResultParts, outputs: readonly Output[]): LibraryResult | undefined {
  const images = outputs.flatMap(({ record, shown, image, url }): LibraryResult['images'] => {
    if (record === undefined) return []
    return [{ id: record.id, shown: url !== undefined ? 'link' : shown === image ? 'image' : 'preview' }]
  })
  if (images.length < outputs.length) return undefined
  const urls = outputs.flatMap(({ url }) => url ?? [])
  return { text, notes: notes.filter((note) => !urls.some((url) => note.includes(url))), images }
}
