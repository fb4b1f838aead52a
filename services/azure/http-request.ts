import { randomBytes } from 'node:crypto'
import { PassThrough, Readable } from 'node:stream'
import FormData from 'form-data'
import type { Model } from '../../schemas/models.ts'
import { encodeBase64, encodedLength } from '../bytes/base64-encoder.ts'
import type { RequestBody } from './transport.ts'
import type { InputImage, Operation } from './types.ts'

/** A request in a dialect's words, without credentials. */
export interface WireRequest {
  operation: Operation
  url: URL
  headers: Readonly<Record<string, string>>
  /** Makes the body anew for each try, since a stream can be sent once. */
  body(): RequestBody
}

/** What a field of a body may hold. */
export type FieldValue = string | number | boolean

/** What operators paste as base URL although it belongs to a route. */
const routePath = /\/(openai(\/v1)?|mai(\/v1)?|providers\/blackforestlabs(\/v1)?)$/

/**
 * Joins a base URL, which may carry a path and a trailing slash, with a path of the API.
 *
 * @param segments percent-encoded here, so that a deployment's name can't leave its place
 * @throws TypeError for a dot segment, which no encoding keeps from climbing
 */
export function apiUrl(baseUrl: string, segments: readonly string[], apiVersion?: string): URL {
  if (segments.some((segment) => /^\.{1,2}$/.test(segment))) throw new TypeError('a name must not be "." or ".."')
  const url = new URL(baseUrl)
  const base = url.pathname.replace(/(?<!\/)\/+$/, '').replace(routePath, '')
  url.pathname = [base, ...segments.map((segment) => encodeURIComponent(segment))].join('/')
  if (apiVersion !== undefined) url.searchParams.set('api-version', apiVersion)
  return url
}

/** The fields of a request over those that the operator has fixed; what the request does not say takes nothing from these. */
export function withFixed(
  { fields: fixed }: Pick<Model, 'fields'>,
  fields: Readonly<Record<string, FieldValue | undefined>>,
): Record<string, FieldValue> {
  const said = Object.entries(fields).filter((entry): entry is [string, FieldValue] => entry[1] !== undefined)
  return { ...fixed, ...Object.fromEntries(said) }
}

/** A JSON body and its header. */
export function jsonRequest(operation: Operation, url: URL, fields: Readonly<Record<string, FieldValue>>): WireRequest {
  const bytes = Buffer.from(JSON.stringify(fields))
  return { operation, url, headers: { 'content-type': 'application/json' }, body: () => bytes }
}

/**
 * A JSON body with images as base64 text, made chunk by chunk while it is sent: the text of an image never lies in
 * memory whole.
 */
export function jsonRequestWithImages(
  operation: Operation,
  url: URL,
  fields: Readonly<Record<string, FieldValue>>,
  images: Readonly<Record<string, Buffer>>,
): WireRequest {
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
  }
}

/** An image under a field name of a form. */
export interface FormFile {
  field: string
  image: InputImage
}

/** A socket takes less than this without waiting until it is out, and then nobody knows when its memory is free. */
const unwatchedBytes = 65_536

/**
 * An edit as multipart/form-data. Each file has its own media type and file name: Azure rejects
 * `application/octet-stream` (https://github.com/openai/openai-node/issues/1468). Large images are sent
 * from where they lie: their memory may be used again once the response is there, because undici closes a connection on
 * which a response comes before all is out.
 */
export function formRequest(
  url: URL,
  fields: Readonly<Record<string, FieldValue>>,
  files: readonly FormFile[],
): WireRequest {
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
        const bytes = image.bytes.length < unwatchedBytes ? Buffer.from(image.bytes) : image.bytes
        form.append(field, bytes, { filename: `${index + 1}.${extension}`, contentType: image.mimeType })
      }
      // Measured first: once piped, the form has forgotten its parts.
      const length = form.getLengthSync()
      return { stream: form.pipe(new PassThrough()), length }
    },
  }
}
