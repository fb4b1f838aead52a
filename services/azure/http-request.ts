import { randomBytes } from 'node:crypto'
import { PassThrough, Readable } from 'node:stream'
import FormData from 'form-data'
import type { Model, Operation } from '../../schemas/models.ts'
import { encodeBase64, encodedLength } from '../bytes/base64-encoder.ts'
import type { InputImage } from '../imaging/types.ts'
import type { FieldValue, WireFields } from '../parameters/parameter.ts'
import type { RequestBody } from './transport.ts'

/** A request in the form of a dialect, without credentials. */
export interface HttpRequest {
  operation: Operation
  url: URL
  headers: Readonly<Record<string, string>>
  /** Creates the body for one attempt, since a stream can be sent only once. */
  body(): RequestBody
  /** Texts that Azure's responses may quote and that must not be logged: the prompt. */
  secrets: readonly string[]
}

/** The fields of a request body. */
export type Fields = Readonly<Record<string, FieldValue>>

/**
 * Joins a base URL, which may have a path and a trailing slash, with a path of the API.
 *
 * @param segments percent-encoded here, so that a deployment's name cannot change the path
 * @throws TypeError for a dot segment, which is resolved even if it is encoded
 */
export function apiUrl(baseUrl: string, segments: readonly string[], apiVersion?: string): URL {
  if (segments.some((segment) => /^\.{1,2}$/.test(segment))) throw new TypeError('a name must not be "." or ".."')
  const url = new URL(baseUrl)
  const base = url.pathname.replace(/(?<!\/)\/+$/, '')
  url.pathname = [base, ...segments.map((segment) => encodeURIComponent(segment))].join('/')
  if (apiVersion !== undefined) url.searchParams.set('api-version', apiVersion)
  return url
}

/** The fields of a request merged over those configured for the model; `undefined` does not override. */
export function withFixed({ fields: fixed }: Pick<Model, 'fields'>, fields: WireFields): Fields {
  const present = Object.entries(fields).filter((entry): entry is [string, FieldValue] => entry[1] !== undefined)
  return { ...fixed, ...Object.fromEntries(present) }
}

function promptOf({ prompt }: Fields): string[] {
  return prompt === undefined ? [] : [String(prompt)]
}

/** A request with a JSON body. */
export function jsonRequest(operation: Operation, url: URL, fields: Fields): HttpRequest {
  const bytes = Buffer.from(JSON.stringify(fields))
  return {
    operation,
    url,
    headers: { 'content-type': 'application/json' },
    body: () => bytes,
    secrets: promptOf(fields),
  }
}

/** A request with images as base64 in a JSON body, encoded in chunks while it is sent to bound memory. */
export function jsonRequestWithImages(
  operation: Operation,
  url: URL,
  fields: Fields,
  images: Readonly<Record<string, Buffer>>,
): HttpRequest {
  const head = Buffer.from(JSON.stringify(fields).slice(0, -1))
  const named = Object.entries(images).map(([name, bytes]) => ({
    name: Buffer.from(`,${JSON.stringify(name)}:"`),
    bytes,
  }))
  const length = named.reduce((sum, { name, bytes }) => sum + name.length + encodedLength(bytes.length) + 1, 0)
  function* chunks(): Generator<Buffer> {
    yield head
    for (const { name, bytes } of named) {
      yield name
      yield* encodeBase64(bytes)
      yield Buffer.from('"')
    }
    yield Buffer.from('}')
  }
  return {
    operation,
    url,
    headers: { 'content-type': 'application/json' },
    body: () => ({ stream: Readable.from(chunks(), { highWaterMark: 2 }), length: head.length + length + 1 }),
    secrets: promptOf(fields),
  }
}

/** An image under a field name of a form. */
export interface FormFile {
  field: string
  image: InputImage
}

/**
 * Below the socket's high-water mark the write callback fires before the bytes are sent, so the buffer must not be
 * reused: smaller images are copied.
 */
const MAX_COPIED_BYTES = 65_536

/**
 * An edit as multipart/form-data. Each file has its own media type and file name: Azure rejects
 * `application/octet-stream` (https://github.com/openai/openai-node/issues/1468). Large images are sent without a copy.
 * Their memory may be reused once the response has arrived, because undici closes a connection whose response begins
 * before the request is sent completely.
 */
export function formRequest(url: URL, fields: Fields, files: readonly FormFile[]): HttpRequest {
  const boundary = `form-${randomBytes(18).toString('hex')}`
  return {
    operation: 'edit',
    url,
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body() {
      const form = new FormData()
      form.setBoundary(boundary)
      for (const [name, value] of Object.entries(fields)) form.append(name, String(value))
      for (const [index, { field, image }] of files.entries()) {
        const extension = image.mimeType === 'image/png' ? 'png' : 'jpg'
        const bytes = image.bytes.length < MAX_COPIED_BYTES ? Buffer.from(image.bytes) : image.bytes
        form.append(field, bytes, { filename: `${index + 1}.${extension}`, contentType: image.mimeType })
      }
      // Measured before piping, which consumes the parts.
      const length = form.getLengthSync()
      return { stream: form.pipe(new PassThrough()), length }
    },
    secrets: promptOf(fields),
  }
}
