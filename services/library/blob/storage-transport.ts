import { Readable } from 'node:stream'
import type { HttpOperationResponse, IHttpClient, WebResource } from '@azure/storage-blob'
import type { Dispatcher } from 'undici'
import { codeOf } from '../../errors/error-code.ts'
import type { HttpClient } from '../../net/http-client.ts'
import { StorageError } from './storage-error.ts'

/** Milliseconds in which an attempt must have a response. */
const ATTEMPT_MS = 10_000
/** An upload may take as much longer as its bytes need at 512 KiB in a second. */
const UPLOAD_BYTES_PER_MS = 524
/** Milliseconds without a byte of a body that is read. */
const IDLE_MS = 15_000
/** Bytes of a response that is no file: a page of a list has about a megabyte. */
const MAX_TEXT_BYTES = 16_777_216

/** The SDK's class of errors that may be retried. */
export type RestErrorClass = new (message: string, options: { code: string }) => Error

/** Connections with the proxy and the limits of the service. @param RestError the SDK repeats a request after such an error only */
export function createStorageTransport(connections: HttpClient, RestError: RestErrorClass): IHttpClient {
  return {
    async sendRequest(request) {
      const signal = request.abortSignal instanceof AbortSignal ? request.abortSignal : undefined
      signal?.throwIfAborted()
      const expired = new AbortController()
      const bytes = Number(request.headers.get('content-length') ?? 0)
      const timer = setTimeout(() => expired.abort(), ATTEMPT_MS + bytes / UPLOAD_BYTES_PER_MS)
      let body: Readable | string | Buffer | undefined
      try {
        const dispatcher = await connections.get()
        body = bodyOf(request)
        const ends = signal === undefined ? expired.signal : AbortSignal.any([signal, expired.signal])
        return await toSdk(request, await dispatcher.request(requestOf(request, body, ends)))
      } catch (error) {
        signal?.throwIfAborted()
        // The image itself could not be read: sending it again would not help.
        if (body instanceof Readable && body.errored === error) {
          throw new StorageError('failed', 'the image could not be read', 'see the cause', { cause: error })
        }
        const code = expired.signal.aborted ? 'TIMEOUT' : retryableCode(error)
        throw new RestError(`the request failed: ${code}`, { code })
      } finally {
        clearTimeout(timer)
        if (body instanceof Readable) body.destroy()
      }
    },
  }
}

function requestOf(
  request: WebResource,
  body: Readable | string | Buffer | undefined,
  signal: AbortSignal,
): Dispatcher.RequestOptions {
  const { origin, pathname, search } = new URL(request.url)
  return {
    origin,
    path: pathname + search,
    method: request.method,
    headers: request.headers.rawHeaders(),
    body: body ?? null,
    signal,
    bodyTimeout: IDLE_MS,
  }
}

/** @throws TypeError for a kind of body that no operation in use has */
function bodyOf(request: WebResource): Readable | string | Buffer | undefined {
  const given: unknown = request.body
  const body: unknown = typeof given === 'function' ? given() : given
  if (body === undefined || body === null) return undefined
  if (typeof body === 'string' || body instanceof Readable || Buffer.isBuffer(body)) return body
  throw new TypeError('unknown kind of body')
}

async function toSdk(
  request: WebResource,
  { statusCode, headers, body }: Dispatcher.ResponseData,
): Promise<HttpOperationResponse> {
  const received = request.headers.clone()
  for (const name of received.headerNames()) received.remove(name)
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) received.set(name, typeof value === 'string' ? value : value.join(', '))
  }
  const response = { request, status: statusCode, headers: received }
  const streamed = request.streamResponseStatusCodes
  const isStream = streamed?.has(statusCode) === true || streamed?.has(Number.POSITIVE_INFINITY) === true
  if (isStream && request.method !== 'HEAD') return { ...response, readableStreamBody: body }
  return { ...response, bodyAsText: await textOf(body) }
}

async function textOf(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    if (!Buffer.isBuffer(chunk)) continue
    bytes += chunk.length
    // Leaving the loop destroys the body.
    if (bytes > MAX_TEXT_BYTES) throw Object.assign(new Error('the response is too long'), { code: 'ERESPONSE' })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Codes after which the SDK does not try again: the same certificate or address would fail again. */
const LASTING = /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_INVALID|ERESPONSE)/

/** The SDK knows few codes of the network, and none of undici. */
function retryableCode(error: unknown): string {
  const code = codeOf(error)
  if (code === '' || code.startsWith('UND_ERR_')) return 'REQUEST_SEND_ERROR'
  return LASTING.test(code) || /^E[A-Z0-9_]+$/.test(code) ? code : 'REQUEST_SEND_ERROR'
}
