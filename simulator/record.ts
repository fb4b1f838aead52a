import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Credential } from './access.ts'
import type { Dialect } from './models.ts'
import { inspect, type Payload, type Sighting } from './payload.ts'

/** A request as Azure saw it. Secrets and images are not kept; what they were is. */
export interface SeenRequest {
  method: string
  url: string
  /** Without `api-key` and `authorization`. */
  headers: Readonly<Record<string, string | string[] | undefined>>
  /** Absent when the door stayed shut. */
  credential?: Credential
  dialect?: Dialect
  deployment?: string
  model?: string
  /** The body's fields, when a body was read; images stand in `files`. */
  fields: Readonly<Record<string, unknown>>
  files: readonly Sighting[]
  /** The fault that it got. */
  fault?: string
  /** Absent when no status line went out. */
  status?: number
  /** `cut`: the connection ended before the response did, from whichever side. */
  outcome: 'pending' | 'answered' | 'cut'
  /** Milliseconds since the epoch. */
  startedAt: number
  endedAt?: number
}

const mostRequests = 10_000

/** Starts the entry of a request and completes it when its response has gone, or can't go any more. */
export function beginRecord(requests: SeenRequest[], request: FastifyRequest, reply: FastifyReply): SeenRequest {
  const { 'api-key': _key, authorization: _token, ...headers } = request.headers
  const entry: SeenRequest = {
    method: request.method,
    url: request.url,
    headers,
    fields: {},
    files: [],
    outcome: 'pending',
    startedAt: Date.now(),
  }
  requests.push(entry)
  if (requests.length > mostRequests) requests.shift()
  reply.raw.once('close', () => {
    entry.outcome = reply.raw.writableFinished ? 'answered' : 'cut'
    if (reply.raw.headersSent) entry.status = reply.raw.statusCode
    entry.endedAt = Date.now()
  })
  return entry
}

const isImageField = (name: string): boolean => /^(input_)?image(_\d+)?$/.test(name)

/** Notes the body. Base64 images in fields are looked at like uploaded ones. */
export async function recordPayload(entry: SeenRequest, { fields, uploads }: Payload): Promise<void> {
  const stored: Record<string, unknown> = {}
  const files = uploads.map(inspect)
  for (const [name, value] of Object.entries(fields)) {
    if (!isImageField(name) || typeof value !== 'string') stored[name] = value
    else
      files.push(
        inspect({ field: name, fileName: undefined, mimeType: undefined, bytes: Buffer.from(value, 'base64') }),
      )
  }
  entry.fields = stored
  entry.files = await Promise.all(files)
}
