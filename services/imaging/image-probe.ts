import type { ImageFacts } from '../bytes/base64-image.ts'
import { serviceError } from '../errors/errors.ts'
import type { ImageHeader } from './headers/header.ts'
import { readSvgFacts } from './headers/svg-header.ts'
import { finishWalk, formatNames, readHeader, sniffFormat, walkHeader } from './image-header.ts'
import { type PixelClaim, walkInTurns } from './pixel-claim.ts'

export interface ImageLimits {
  /** Bytes of the file. */
  maxBytes: number
  /** Width times height. */
  maxPixels: number
  /** Pixels of the longer edge; 16,384 by default. */
  maxEdge?: number
  /** The longer edge divided by the shorter one; 100 by default, far beyond any panorama and any model. */
  maxRatio?: number
  /** Frames of an animation; 1,000 by default. */
  maxFrames?: number
}

const DEFAULT_MAX_EDGE = 16_384
const DEFAULT_MAX_FRAMES = 1000
const DEFAULT_MAX_RATIO = 100

/**
 * Checks an image by its signature and header, and the header by the bytes behind it, without decoding pixels, so that a
 * decompression bomb costs no more than reading its file. Width and height are those of the upright image.
 * @throws ServiceError `IMG_ERR_IMAGE_EMPTY`, `_BYTES`, `_TYPE`, `_BROKEN`, `_PIXELS`, `_EDGE`, `_SHAPE`, `_FRAMES`
 */
export function probeImage(bytes: Buffer, limits: ImageLimits): ImageHeader {
  checkFile(bytes, limits)
  return checkHeader(finishWalk(walkHeader(bytes)), bytes, limits)
}

/**
 * `probeImage`, yielding to the event loop while a long file is read.
 * @throws ServiceError as `probeImage`; `IMG_ERR_CANCELLED` and `IMG_ERR_AZURE_NOT_SENT` if the claim has ended
 */
export async function probeImageInTurns(bytes: Buffer, limits: ImageLimits, claim: PixelClaim): Promise<ImageHeader> {
  checkFile(bytes, limits)
  return checkHeader(await walkInTurns(walkHeader(bytes), claim), bytes, limits)
}

function checkFile(bytes: Buffer, { maxBytes }: ImageLimits): void {
  if (bytes.length === 0) throw serviceError('IMG_ERR_IMAGE_EMPTY', [])
  if (bytes.length > maxBytes) throw serviceError('IMG_ERR_IMAGE_BYTES', [maxBytes])
  if (sniffFormat(bytes) === undefined) throw serviceError('IMG_ERR_IMAGE_TYPE', [describeContent(bytes)])
}

function checkHeader(header: ImageHeader | undefined, bytes: Buffer, limits: ImageLimits): ImageHeader {
  if (header === undefined) throw broken(sniffFormat(bytes) ?? 'image/png', 'its header cannot be read')
  const { mimeType, frames } = header
  checkSize(header, limits)
  const { maxFrames = DEFAULT_MAX_FRAMES } = limits
  if (frames > maxFrames) throw serviceError('IMG_ERR_IMAGE_FRAMES', [frames, maxFrames])
  if (header.damage !== undefined) throw broken(mimeType, header.damage)
  return header
}

function checkSize({ mimeType, width, height }: ImageFacts, limits: ImageLimits): void {
  const { maxPixels, maxEdge = DEFAULT_MAX_EDGE, maxRatio = DEFAULT_MAX_RATIO } = limits
  if (width === 0 || height === 0) throw broken(mimeType, 'its header gives no size')
  const [short, long] = width < height ? [width, height] : [height, width]
  if (width * height > maxPixels) throw serviceError('IMG_ERR_IMAGE_PIXELS', [width, height, maxPixels])
  if (long > maxEdge) throw serviceError('IMG_ERR_IMAGE_EDGE', [width, height, maxEdge])
  if (long > short * maxRatio) throw serviceError('IMG_ERR_IMAGE_SHAPE', [width, height, maxRatio])
}

/**
 * `probeImage` of an image of which only the beginning has arrived, so that damage behind it goes unnoticed.
 * @param arrived `whole`: nothing follows; `enough`: no more is waited for
 * @returns undefined: more is needed
 * @throws ServiceError as `probeImage`
 */
export function probeHead(head: Buffer, arrived: 'whole' | 'enough' | 'part', limits: ImageLimits) {
  if (arrived === 'whole') return probeImage(head, limits)
  checkFile(head, limits)
  const header = readHeader(head)
  if (header === undefined || header.width === 0 || header.height === 0) {
    return arrived === 'part' ? undefined : checkHeader(undefined, head, limits)
  }
  // What is missing counts as damage.
  const { damage: _, ...rest } = header
  return checkHeader(rest, head, limits)
}

function broken(format: ImageFacts['mimeType'], problem: string): Error {
  return serviceError('IMG_ERR_IMAGE_BROKEN', [formatNames[format], problem])
}

/**
 * Type and size from the beginning of an image that is assumed to be complete. `undefined` if more bytes are needed: a
 * JPEG has its size behind its metadata.
 */
export function sniffFacts(head: Buffer): ImageFacts | undefined {
  const header = readHeader(head) ?? readSvgFacts(head)
  if (header === undefined || header.width === 0 || header.height === 0) return undefined
  return { mimeType: header.mimeType, width: header.width, height: header.height }
}

/** Signatures of formats that are often sent by mistake: text at a position in the file. */
const signatures: readonly (readonly [at: number, text: string, name: string])[] = [
  [0, '%PDF-', 'a PDF'],
  [0, 'BM', 'a BMP image'],
  [0, 'II*\0', 'a TIFF image'],
  [0, 'MM\0*', 'a TIFF image'],
  [4, 'ftypavi', 'an AVIF image'],
  [4, 'ftyphei', 'a HEIC image'],
  [4, 'ftyphev', 'a HEIC image'],
  [4, 'ftypmif1', 'a HEIC image'],
  [4, 'ftypmsf1', 'a HEIC image'],
  [4, 'ftyp', 'a video'],
  [0, '\xff\x0a', 'a JPEG XL image'],
  [4, 'JXL ', 'a JPEG XL image'],
  [4, 'jP  ', 'a JPEG 2000 image'],
  [0, '\xff\x4f\xff\x51', 'a JPEG 2000 image'],
  [0, '8BPS', 'a Photoshop file'],
  [0, '\0\0\x01\0', 'an icon file'],
  [0, 'PK\x03\x04', 'a ZIP archive'],
  [0, '\x1f\x8b', 'a gzip archive'],
  [0, 'data:', 'a data URL that was base64-encoded again'],
  [0, 'iVBORw0KGgo', 'an image that was base64-encoded twice'],
  [0, '/9j/', 'an image that was base64-encoded twice'],
  [0, 'R0lGOD', 'an image that was base64-encoded twice'],
  [0, 'UklGR', 'an image that was base64-encoded twice'],
]

/** Patterns of text formats, whose beginning varies. Tried on the first kilobyte only. */
const openings: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/^<(\?xml|!doctype svg|!--)[\s\S]{0,900}<svg[\s>]/i, 'an SVG drawing'],
  [/^<svg[\s>]/i, 'an SVG drawing'],
  [/^<(!doctype html|html|head|body)/i, 'an HTML page'],
  [/^<\?xml/, 'an XML document'],
  [/^[[{]\s{0,99}(["[{\]}\d-]|true|false|null)/, 'JSON text'],
]

/** Describes what the bytes look like, without quoting them. */
function describeContent(bytes: Buffer): string {
  const head = bytes.toString('latin1', 0, 1024)
  for (const [at, text, name] of signatures) if (head.startsWith(text, at)) return name
  const text = bytes.toString('utf8', 0, 1024).trimStart()
  for (const [pattern, name] of openings) if (pattern.test(text)) return name
  return isText(bytes.subarray(0, 1024)) ? 'text' : 'of no known image format'
}

/** UTF-8 text has no control characters except whitespace. */
function isText(head: Buffer): boolean {
  return head.every((byte) => byte >= 32 || byte === 9 || byte === 10 || byte === 13)
}
