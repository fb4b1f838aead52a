import { isUtf8 } from 'node:buffer'
import {
  getMultipartBoundary,
  MultipartParseError,
  type MultipartPart,
  parseMultipart,
} from '@remix-run/multipart-parser'
import { serviceError } from '../errors/errors.ts'
import type { BufferPool } from './buffer-pool.ts'
import { InlineBlob } from './json/inline-blob.ts'
import { LONG_STRING } from './json/parse-body.ts'

/** A form of untrusted clients. https://www.rfc-editor.org/rfc/rfc7578 */

export interface FormPart {
  name: string
  /** The bytes of a file, or of a base64 text that is longer than most; otherwise the text. */
  value: string | InlineBlob
}

/** Disposing it frees the memory of its images. */
export interface ParsedForm extends Disposable {
  /** In the order in which they arrived; names may repeat. */
  readonly parts: readonly FormPart[]
  /** Memory that the parts take. */
  readonly retainedBytes: number
}

export interface FormOptions {
  pool: BufferPool
  /** Whether a part of this name is an image, whatever type it names. */
  isImage(name: string): boolean
  /** Bytes of an image. */
  maxImageBytes: number
}

/** Sixteen images, a mask, and twice the number of other members that there are. */
const MAX_PARTS = 64
const MAX_HEADER_BYTES = 8_192
/** Of a part that is no image: the longest prompt in UTF-8, twice. */
const MAX_TEXT_BYTES = 262_144
/** https://www.rfc-editor.org/rfc/rfc2046#section-5.1.1 allows 70. */
const MAX_BOUNDARY_LENGTH = 200

/**
 * Parses a whole form. The parts are copies, so that the body's memory may be reused.
 * @param contentType the value of the header, which names the boundary
 * @throws ServiceError `IMG_ERR_FORM`, `IMG_ERR_IMAGE_BYTES`
 */
export function parseForm(body: Buffer, contentType: string, options: FormOptions): ParsedForm {
  const boundary = boundaryOf(contentType)
  const parts: FormPart[] = []
  const dispose = () => {
    for (const { value } of parts) if (value instanceof InlineBlob) value[Symbol.dispose]()
  }
  try {
    const message = withoutPreamble(body, boundary)
    const limits = {
      maxParts: MAX_PARTS,
      maxHeaderSize: MAX_HEADER_BYTES,
      maxFileSize: Infinity,
      maxTotalSize: Infinity,
    }
    for (const part of parseMultipart(message, { boundary, ...limits })) parts.push(readPart(part, options))
  } catch (error) {
    dispose()
    throw error instanceof MultipartParseError ? invalid(problemOf(error), error) : error
  }
  const retainedBytes = parts.reduce((sum, { value }) => sum + memoryOf(value), 0)
  return { parts, retainedBytes, [Symbol.dispose]: dispose }
}

function invalid(problem: string, cause?: unknown): Error {
  return serviceError('IMG_ERR_FORM', [problem], { cause })
}

function boundaryOf(contentType: string): string {
  const boundary = getMultipartBoundary(contentType)?.trim() ?? ''
  if (boundary === '' || boundary.length > MAX_BOUNDARY_LENGTH) {
    throw invalid('its Content-Type names no boundary; let the HTTP library set that header')
  }
  return boundary
}

/** What stands before the first boundary is to be ignored, which the parser does not. */
function withoutPreamble(body: Buffer, boundary: string): Buffer {
  const opening = Buffer.from(`--${boundary}`, 'latin1')
  if (body.subarray(0, opening.length).equals(opening)) return body
  const at = body.indexOf(`\r\n--${boundary}`, 0, 'latin1')
  if (at === -1) throw invalid('the boundary that its Content-Type names is not in it')
  return body.subarray(at + 2)
}

function problemOf({ name }: MultipartParseError): string {
  if (name === 'MaxPartsExceededError') return `it has more than ${MAX_PARTS} parts`
  if (name === 'MaxHeaderSizeExceededError') return `the header of a part is longer than ${MAX_HEADER_BYTES} bytes`
  return 'it ends before its last boundary'
}

function readPart(part: MultipartPart, { pool, isImage, maxImageBytes }: FormOptions): FormPart {
  const { name, isFile } = readHeader(part)
  const [first = Buffer.alloc(0)] = part.content
  const bytes = Buffer.from(first.buffer, first.byteOffset, first.byteLength)
  // Clients send a stored image, a data URL or base64 as text, and a file without a name as bytes.
  const isBytes = isImage(name) && (isFile || bytes.includes(0) || !isUtf8(bytes))
  if (isBytes) {
    if (bytes.length > maxImageBytes) throw serviceError('IMG_ERR_IMAGE_BYTES', [maxImageBytes])
    return { name, value: InlineBlob.copyOf(bytes, pool) }
  }
  const blob = isImage(name) && bytes.length > LONG_STRING ? InlineBlob.decode(bytes, pool) : undefined
  if (blob !== undefined) return { name, value: blob }
  if (bytes.length > MAX_TEXT_BYTES) throw invalid(`a part that is no image is longer than ${MAX_TEXT_BYTES} bytes`)
  if (!isUtf8(bytes)) throw invalid('a part that is no image is not UTF-8')
  return { name, value: bytes.toString() }
}

/** Browsers send an empty name where no file was chosen. */
const FILE_NAME = /;\s*filename\*?\s*=\s*(?!"")/i

/** The name of the file is not read: it may be in any encoding, and no one needs it. */
function readHeader(part: MultipartPart): { name: string; isFile: boolean } {
  let disposition: string | undefined
  try {
    disposition = part.headers['content-disposition']
  } catch (error) {
    throw invalid('the name of a part or file is not UTF-8: give the file a name of ASCII letters', error)
  }
  const { name } = part
  if (disposition === undefined || name === undefined) throw invalid('a part has no name')
  return { name, isFile: FILE_NAME.test(disposition) }
}

function memoryOf(value: string | InlineBlob): number {
  return value instanceof InlineBlob ? value.allocatedBytes : value.length
}
