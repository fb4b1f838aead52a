import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import sharp from 'sharp'
import { type AzureError, invalidRequest, tooLarge, wrongContentType } from './azure-error.ts'

export interface Upload {
  field: string
  fileName: string | undefined
  mimeType: string
  bytes: Buffer
}

/** The body of a request, JSON or form. */
export interface Payload {
  /** By name; of a repeated name the last value, and the name is in `repeated`. */
  fields: Readonly<Record<string, unknown>>
  repeated: readonly string[]
  uploads: readonly Upload[]
  /** True for a form, whose values are all text. */
  isText: boolean
}

const jsonType = 'application/json'
const formType = 'multipart/form-data'
const typeOf = (request: FastifyRequest): string =>
  (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? ''

/** @throws {AzureError} if the content type is not the expected one, or the body is not a JSON object */
export async function readPayload(request: FastifyRequest, kind: 'json' | 'form'): Promise<Payload> {
  const got = typeOf(request)
  const expected = kind === 'json' ? jsonType : formType
  if (got !== expected) {
    if (got === jsonType || got === formType) throw wrongContentType(got, expected)
    throw invalidRequest('unsupported_media_type', `Unsupported media type '${got}'.`, null, 415)
  }
  if (kind === 'form') {
    // The parser's errors for a form without a boundary or an end have no code.
    return readForm(request).catch((error: Error) => Promise.reject(payloadError(error) ?? unreadable()))
  }
  const { body } = request
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalidRequest('invalid_json', 'The body must be a JSON object.')
  }
  return { fields: { ...body }, repeated: [], uploads: [], isText: false }
}

async function readForm(request: FastifyRequest): Promise<Payload> {
  const fields: Record<string, unknown> = Object.create(null)
  const repeated: string[] = []
  const uploads: Upload[] = []
  for await (const part of request.parts()) {
    if (part.type === 'file') {
      const upload = {
        field: part.fieldname,
        fileName: part.filename,
        mimeType: part.mimetype,
        bytes: await part.toBuffer(),
      }
      if (upload.field !== 'image[]' && uploads.some(({ field }) => field === upload.field)) repeated.push(upload.field)
      uploads.push(upload)
      continue
    }
    if (Object.hasOwn(fields, part.fieldname)) repeated.push(part.fieldname)
    fields[part.fieldname] = part.value
  }
  return { fields, repeated, uploads, isText: true }
}

/** The errors of a route. */
export interface Wording {
  unknown(param: string): AzureError
  missing(param: string): AzureError
  invalid(param: string, expected: string): AzureError
}

/** Reads fields by name and type, and rejects others with the route's errors. Absent and null fields are `undefined`. */
export interface Arguments {
  text(name: string, maxChars: number): string | undefined
  integer(name: string, least: number, most: number): number | undefined
  number(name: string, least: number, most: number): number | undefined
  flag(name: string): boolean | undefined
  choice(name: string, choices: readonly string[]): string | undefined
  /** @throws {AzureError} for the first field that is in none of the lists */
  rejectOthers(...allowed: readonly (readonly string[])[]): void
}

export function createArguments({ fields, isText }: Payload, wording: Wording): Arguments {
  const raw = (name: string): unknown => fields[name] ?? undefined
  const numeric = (name: string, least: number, most: number, kind: 'an integer' | 'a number'): number | undefined => {
    const value = raw(name)
    if (value === undefined) return undefined
    const number = isText && typeof value === 'string' && value.trim() !== '' ? Number(value) : value
    if (
      typeof number !== 'number' ||
      !(number >= least && number <= most) ||
      (kind === 'an integer' && !Number.isInteger(number))
    ) {
      throw wording.invalid(name, `Expected ${kind} from ${least} to ${most}.`)
    }
    return number
  }
  return {
    text(name, maxChars) {
      const value = raw(name)
      if (value === undefined) return undefined
      if (typeof value !== 'string') throw wording.invalid(name, 'Expected a string.')
      if (value.length > maxChars) throw wording.invalid(name, `Expected a string of at most ${maxChars} characters.`)
      return value
    },
    integer: (name, least, most) => numeric(name, least, most, 'an integer'),
    number: (name, least, most) => numeric(name, least, most, 'a number'),
    flag(name) {
      const value = raw(name)
      if (value === undefined || typeof value === 'boolean') return value
      if (isText && (value === 'true' || value === 'false')) return value === 'true'
      throw wording.invalid(name, 'Expected a boolean.')
    },
    choice(name, choices) {
      const value = raw(name)
      if (value === undefined) return undefined
      if (typeof value === 'string' && choices.includes(value)) return value
      throw wording.invalid(name, `Supported values are: ${choices.map((choice) => `'${choice}'`).join(', ')}.`)
    },
    rejectOthers(...allowed) {
      for (const name of Object.keys(fields)) {
        if (!allowed.some((list) => list.includes(name))) throw wording.unknown(name)
      }
    },
  }
}

/** What is recorded about an image. */
export interface Sighting {
  field: string
  fileName: string | undefined
  mimeType: string | undefined
  bytes: number
  sha256: string
  width: number | undefined
  height: number | undefined
  format: string | undefined
  /** With the option `keepFiles`. */
  content?: Buffer
}

export async function inspect(
  upload: Omit<Upload, 'mimeType'> & { mimeType: string | undefined },
  keepFiles = false,
): Promise<Sighting> {
  const { bytes, ...names } = upload
  const { width, height, format } = await sharp(bytes)
    .metadata()
    .catch(() => ({ width: undefined, height: undefined, format: undefined }))
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { ...names, bytes: bytes.length, sha256, width, height, format, ...(keepFiles && { content: bytes }) }
}

const unreadable = (): AzureError => invalidRequest('invalid_request', 'Could not parse the body of the request.')

/** Azure's error for an unreadable body, or undefined for an error of another kind. */
export const payloadError = (error: Error & { code?: string; statusCode?: number }): AzureError | undefined => {
  const code = error.code ?? ''
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return tooLarge()
  if (code === 'FST_REQ_FILE_TOO_LARGE')
    return invalidRequest('file_too_large', 'A file is larger than 50 MB.', 'image')
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
    return invalidRequest('unsupported_media_type', 'Unsupported media type.', null, 415)
  if (error.statusCode === 400 || code.startsWith('FST_')) return unreadable()
  return undefined
}
