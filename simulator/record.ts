import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Credential } from './access.ts'
import type { Dialect } from './models.ts'
import { inspect, type Payload, type Sighting } from './payload.ts'

/** A request as Azure saw it, without secrets; images are recorded by their properties. */
export interface SeenRequest {
  method: string
  url: string
  /** Without `api-key` and `authorization`. */
  headers: Readonly<Record<string, string | string[] | undefined>>
  /** Absent if the credential was rejected. */
  credential?: Credential
  dialect?: Dialect
  deployment?: string
  model?: string
  /** The fields of the body, if it was read; images are in `files`. */
  fields: Readonly<Record<string, unknown>>
  files: readonly Sighting[]
  /** The fault of this request. */
  fault?: string
  /** Absent if no status line was sent. */
  status?: number
  /** `cut`: either side closed the connection before the response was complete. */
  outcome: 'pending' | 'completed' | 'cut'
  /** Milliseconds since the epoch. */
  startedAt: number
  endedAt?: number
}

const mostRequests = 10_000

/** Adds an entry for a request and completes it when the response has been sent or the connection has closed. */
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
    entry.outcome = reply.raw.writableFinished ? 'completed' : 'cut'
    if (reply.raw.headersSent) entry.status = reply.raw.statusCode
    entry.endedAt = Date.now()
  })
  return entry
}

const isImageField = (name: string): boolean => /^(input_)?image(_\d+)?$/.test(name)

/** Records the body. Base64 images in fields are inspected like uploaded ones. */
export async function recordPayload(
  entry: SeenRequest,
  { fields, uploads }: Payload,
  keepFiles: boolean,
): Promise<void> {
  const stored: Record<string, unknown> = {}
  const files = uploads.map((upload) => inspect(upload, keepFiles))
  for (const [name, value] of Object.entries(fields)) {
    if (!isImageField(name) || typeof value !== 'string') stored[name] = value
    else
      files.push(
        inspect(
          { field: name, fileName: undefined, mimeType: undefined, bytes: Buffer.from(value, 'base64') },
          keepFiles,
        ),
      )
  }
  entry.fields = stored
  entry.files = await Promise.all(files)
}
