import { Base64Image } from '../bytes/base64-image.ts'
import type { BufferSpool } from '../bytes/spooled-buffer.ts'
import { listOf, member } from './fields.ts'
import { imageKeys, linkKeys, resultKeys } from './response-reader.ts'
import type { ResponseSink } from './transport.ts'
import type { MissingImages, Usage } from './types.ts'

/** An image of a response: its bytes, or a link to them. */
export type ResponsePart = { image: Base64Image } | { url: string }

export interface ParsedResponse {
  parts: [ResponsePart, ...ResponsePart[]]
  usage: Usage
  /** Why there are fewer images than requested, if the response says so. */
  missing?: MissingImages | undefined
}

/** Reads a successful response while it arrives. Either `finish` or `abort` must follow. */
export interface ResponseReading extends ResponseSink {
  /**
   * The images in order, and their usage.
   * @throws ServiceError IMG_ERR_AZURE_BAD_RESPONSE, IMG_ERR_AZURE_NO_IMAGE, IMG_ERR_AZURE_CONTENT, IMG_ERR_AZURE_BROKE_OFF
   */
  finish(): Promise<ParsedResponse>
  /**
   * Ends reading where the response broke off. `true` if `finish` can still return an image, or a link to one: it has been
   * paid for, even if the rest is missing.
   */
  hasImage(): Promise<boolean>
  abort(): Promise<void>
}

export interface ResponseOptions {
  spool: BufferSpool
  /** Bytes of one response. */
  maxBytes: number
  /** A partial image has arrived; only in event streams. */
  onPartialImage: () => void
}

/**
 * The images of a document in order: under `data`, else at its top level, else anywhere in it. An image that was paid
 * for is returned even if it is in an unexpected place.
 */
export function partsOf(document: unknown, images: readonly Base64Image[]): ResponsePart[] {
  // Black Forest Labs' own API uses `result`.
  const places = [member(document, 'data'), document, ...resultKeys.map((key) => member(document, key))]
  const parts = places.map((place) => listOf(place).flatMap((entry) => partOf(entry))).find(({ length }) => length > 0)
  if (parts?.some((part) => 'image' in part)) return parts
  // A link may lead nowhere, so images found elsewhere are returned beside it.
  return [...(parts ?? []), ...images.map((image) => ({ image }))]
}

function partOf(entry: unknown): ResponsePart[] {
  if (entry instanceof Base64Image) return [{ image: entry }]
  if (typeof entry === 'string') return /^https:/i.test(entry) ? [{ url: entry }] : []
  // Chat completions have `{"image_url": {"url": …}}`.
  const linked = linkKeys.map((key) => member(entry, key)).map((value) => member(value, 'url') ?? value)
  const inside = [...imageKeys, ...resultKeys].map((key) => member(entry, key))
  const image = [...inside, ...linked].find((value) => value instanceof Base64Image)
  if (image !== undefined) return [{ image }]
  const url = linked.find(isLink)
  return url === undefined ? [] : [{ url }]
}

/** Any address, since it means that an image was generated, even where it is not followed. */
function isLink(value: unknown): value is string {
  return typeof value === 'string' && /^(?:[a-z][a-z\d+.-]{0,31}:|\/)/i.test(value)
}
