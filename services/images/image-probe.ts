import { serviceError } from '../errors.ts'
import type { ImageFacts } from './encoded-image.ts'
import { formatNames, type ImageHeader, readHeader, sniffFormat } from './image-header.ts'

export interface ImageLimits {
  /** Bytes of the file. */
  maxBytes: number
  /** Width times height. */
  maxPixels: number
  /** Frames of an animation; 1,000 unless told. */
  maxFrames?: number
}

/**
 * Judges a picture by its signature and header, without decoding a pixel: so a bomb costs what its file costs to read.
 *
 * Width and height are those of the stored pixels. A JPEG that says "turn me" (EXIF orientation) passes through byte
 * for byte, tag included, so turning the numbers alone would describe a picture that nobody has.
 * @throws ServiceError `IMG_ERR_IMAGE_EMPTY`, `_BYTES`, `_TYPE`, `_BROKEN`, `_PIXELS`, `_FRAMES`
 */
export function probeImage(bytes: Buffer, { maxBytes, maxPixels, maxFrames = 1000 }: ImageLimits): ImageHeader {
  if (bytes.length === 0) throw serviceError('IMG_ERR_IMAGE_EMPTY', [])
  if (bytes.length > maxBytes) throw serviceError('IMG_ERR_IMAGE_BYTES', [maxBytes])
  const format = sniffFormat(bytes)
  if (format === undefined) throw serviceError('IMG_ERR_IMAGE_TYPE', [nameOfOther(bytes)])
  const header = readHeader(bytes)
  if (header === undefined) throw broken(format, 'its header cannot be read')
  const { width, height, frames } = header
  if (width === 0 || height === 0) throw broken(format, 'its header gives no size')
  if (width * height > maxPixels) throw serviceError('IMG_ERR_IMAGE_PIXELS', [width, height, maxPixels])
  if (frames > maxFrames) throw serviceError('IMG_ERR_IMAGE_FRAMES', [frames, maxFrames])
  if (header.damage !== undefined) throw broken(format, header.damage)
  return header
}

function broken(format: ImageFacts['mimeType'], problem: string): Error {
  return serviceError('IMG_ERR_IMAGE_BROKEN', [formatNames[format], problem])
}

/**
 * Type and size from the head of a picture that is trusted to be whole. `undefined` if these bytes do not say: with more
 * of them they may (a JPEG puts its size behind its metadata).
 */
export function sniffFacts(head: Buffer): ImageFacts | undefined {
  const header = readHeader(head)
  if (header === undefined || header.width === 0 || header.height === 0) return undefined
  return { mimeType: header.mimeType, width: header.width, height: header.height }
}

/** Signatures of what people send by mistake: text at a place in the file. */
const signatures: readonly (readonly [at: number, text: string, name: string])[] = [
  [0, '%PDF-', 'a PDF'],
  [0, 'BM', 'a BMP picture'],
  [0, 'II*\0', 'a TIFF picture'],
  [0, 'MM\0*', 'a TIFF picture'],
  [4, 'ftypavi', 'an AVIF picture'],
  [4, 'ftyphei', 'a HEIC picture'],
  [4, 'ftyphev', 'a HEIC picture'],
  [4, 'ftypmif1', 'a HEIC picture'],
  [4, 'ftypmsf1', 'a HEIC picture'],
  [4, 'ftyp', 'a video'],
  [0, '\xff\x0a', 'a JPEG XL picture'],
  [4, 'JXL ', 'a JPEG XL picture'],
  [4, 'jP  ', 'a JPEG 2000 picture'],
  [0, '\xff\x4f\xff\x51', 'a JPEG 2000 picture'],
  [0, '8BPS', 'a Photoshop file'],
  [0, '\0\0\x01\0', 'an icon file'],
  [0, 'PK\x03\x04', 'a ZIP archive'],
  [0, '\x1f\x8b', 'a gzip archive'],
  [0, 'data:', 'a data URL that was encoded once more'],
  [0, 'iVBORw0KGgo', 'a picture that was base64-encoded twice'],
  [0, '/9j/', 'a picture that was base64-encoded twice'],
  [0, 'R0lGOD', 'a picture that was base64-encoded twice'],
  [0, 'UklGR', 'a picture that was base64-encoded twice'],
]

/** The same for text, whose beginning varies. Tried on a short head only. */
const openings: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/^<(\?xml|!doctype svg|!--)[\s\S]{0,900}<svg[\s>]/i, 'an SVG drawing'],
  [/^<svg[\s>]/i, 'an SVG drawing'],
  [/^<(!doctype html|html|head|body)/i, 'an HTML page'],
  [/^<\?xml/, 'an XML document'],
  [/^[[{]\s{0,99}(["[{\]}\d-]|true|false|null)/, 'JSON text'],
]

/** Names what the bytes look like; only our words, never theirs. */
function nameOfOther(bytes: Buffer): string {
  const head = bytes.toString('latin1', 0, 1024)
  for (const [at, text, name] of signatures) if (head.startsWith(text, at)) return name
  const text = bytes.toString('utf8', 0, 1024).trimStart()
  for (const [pattern, name] of openings) if (pattern.test(text)) return name
  return isText(bytes.subarray(0, 1024)) ? 'text' : 'of no known picture format'
}

/** Text in UTF-8 has no control characters but blanks. */
function isText(head: Buffer): boolean {
  return head.every((byte) => byte >= 32 || byte === 9 || byte === 10 || byte === 13)
}
