import { createHmac } from 'node:crypto'
import { isSameSecret } from '../../auth/api-keys.ts'
import { type ImageVariant, type TransformFormat, transformFormats } from '../../imaging/transform.ts'
import { isImageId } from '../image-id.ts'

/** What a signature allows. */
export interface Link {
  /** What it shows instead of the image as it is stored; empty: nothing else. */
  variant: ImageVariant
  /** Milliseconds since 1970. */
  endsAt: number
}

/** A link that a client passed as an image. */
export interface LinkReference {
  id: string
  /** It opens the whole image, whoever owns it. Otherwise the id counts as if the client had passed it alone. */
  isKey: boolean
}

/** The query of a request for an image, as it was sent. */
export type LinkQuery = Readonly<Record<string, unknown>>

export interface LinksOptions {
  /** At least 32 bytes. */
  key: Buffer
  /** Milliseconds that a link is valid. */
  ttlMs: number
  /** Milliseconds since 1970. */
  now?: () => number
}

/**
 * Addresses that open one image until a time, without a credential:
 * `/images/{id}?e={unix end}&w={longer edge}&f={format}&s={signature}`, where `w` and `f` may be absent.
 */
export interface Links {
  /** @param baseUrl where the client reaches this service, without a slash at the end */
  urlOf(id: string, baseUrl: string, variant?: ImageVariant): string
  /** Undefined: the signature is wrong, or the link has expired. */
  verify(id: string, query: LinkQuery): Link | undefined
  /**
   * Reads the address of an image of this service by its path, under any host and prefix, since nothing is fetched.
   * Undefined: it is none.
   */
  parse(text: string): LinkReference | undefined
}

/** Half of the hash, as RFC 2104 allows: https://www.rfc-editor.org/rfc/rfc2104#section-5. Models copy links. */
const SIGNATURE_BYTES = 16
const MS_PER_SECOND = 1000
/** Longer texts are no links of this service. */
const MAX_LINK_CHARACTERS = 2048

const WHOLE_NUMBER = /^[1-9]\d{0,11}$/
const IMAGE_PATH = /\/images\/(img_[0-9a-z]{26})\/?$/

export function createLinks({ key, ttlMs, now = () => Date.now() }: LinksOptions): Links {
  function sign(text: string): string {
    return createHmac('sha256', key).update(text).digest().subarray(0, SIGNATURE_BYTES).toString('base64url')
  }

  function verify(id: string, query: LinkQuery): Link | undefined {
    const fields = readFields(query)
    // The texts are compared, since several texts decode to the same bytes.
    if (fields === undefined || !isSameSecret(sign(signedPart(id, fields)), fields.signature)) return undefined
    const endsAt = Number(fields.end) * MS_PER_SECOND
    if (now() >= endsAt) return undefined
    const { maxEdge, format } = fields
    return {
      variant: { ...(maxEdge !== undefined && { maxEdge: Number(maxEdge) }), ...(format !== undefined && { format }) },
      endsAt,
    }
  }

  return {
    urlOf(id, baseUrl, { maxEdge, format } = {}) {
      const end = String(Math.ceil((now() + ttlMs) / MS_PER_SECOND))
      const signed = signedPart(id, { end, maxEdge: maxEdge === undefined ? undefined : String(maxEdge), format })
      return `${baseUrl}/images/${signed}&s=${sign(signed)}`
    },
    verify,
    parse(text) {
      const url = text.length > MAX_LINK_CHARACTERS ? null : URL.parse(text.trim())
      if (url === null || !/^https?:$/.test(url.protocol)) return undefined
      const id = IMAGE_PATH.exec(url.pathname)?.[1]
      if (id === undefined || !isImageId(id)) return undefined
      const link = verify(id, Object.fromEntries(url.searchParams))
      // The holder of a smaller version has not been given the whole image.
      return { id, isKey: link !== undefined && Object.keys(link.variant).length === 0 }
    },
  }
}

interface SignedFields {
  end: string
  maxEdge: string | undefined
  format: TransformFormat | undefined
}

/** The path from the id on, up to the signature. Every field has one spelling, so that two links never share a signature. */
function signedPart(id: string, { end, maxEdge, format }: SignedFields): string {
  const width = maxEdge === undefined ? '' : `&w=${maxEdge}`
  return `${id}?e=${end}${width}${format === undefined ? '' : `&f=${format}`}`
}

/** Other parameters, such as those of trackers, are ignored. */
function readFields({ e, w, f, s }: LinkQuery): (SignedFields & { signature: string }) | undefined {
  if (!isWholeNumber(e) || typeof s !== 'string') return undefined
  const format = transformFormats.find((each) => each === f)
  if ((w !== undefined && !isWholeNumber(w)) || (f !== undefined && format === undefined)) return undefined
  return { end: e, maxEdge: w, format, signature: s }
}

function isWholeNumber(value: unknown): value is string {
  return typeof value === 'string' && WHOLE_NUMBER.test(value)
}
