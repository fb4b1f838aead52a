import { finished, PassThrough, type Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import { type ErrorCode, ServiceError, serviceError } from '../../services/errors/errors.ts'
import { Rejection } from '../../services/errors/rejection.ts'
import { uriOfId } from '../../services/library/image-reference.ts'
import type { Uploads } from '../../services/library/uploads/uploads.ts'
import { watchUploadProgress } from '../../services/limits/upload-progress.ts'
import { defaultTiming } from '../../services/mcp/timeouts.ts'
import { rejectOtherMethods } from './http-error.ts'
import { uploadPage, uploadPagePolicy } from './upload-page.ts'
import { uploadTextsFor } from './upload-texts.ts'

type UploadRequest = FastifyRequest<{ Params: { '*': string }; Body: unknown }>

const statuses: { readonly [C in ErrorCode]?: number } = {
  IMG_ERR_UPLOAD: 404,
  IMG_ERR_UPLOAD_VISITOR: 403,
  IMG_ERR_UPLOAD_USED: 410,
  IMG_ERR_UPLOAD_RUNNING: 409,
  IMG_ERR_UPLOAD_LENGTH: 411,
  IMG_ERR_UPLOAD_ENCODING: 415,
  IMG_ERR_IMAGE_BYTES: 413,
  IMG_ERR_IMAGE_TYPE: 415,
}
const RETRY_AFTER_MS = 5_000
/** Bytes of a rejected body that are read and dropped beyond the limit. */
const LINGER_BYTES = 64 * 1_048_576

/** `PUT /uploads/{token}`: one image; `GET`: a page for people that sends it. The token is the key. */
export async function uploadRoutes(fastify: FastifyInstance): Promise<void> {
  const { uploads, config } = fastify
  if (uploads === undefined) return
  const hasKeys = config.auth.apiKeys !== undefined
  const { uploadPeriodMs } = { ...defaultTiming, ...fastify.appOptions.timing }

  await fastify.register(
    async function uploadScope(scope) {
      for (const hook of [fastify.guardHost, guardOrigin(fastify), fastify.drain.admit, fastify.shedLoad]) {
        scope.addHook('onRequest', hook)
      }
      scope.addHook('onRequest', fastify.limitRequests)
      scope.removeAllContentTypeParsers()
      // The handler reads the body, so that it is never in memory as a whole.
      scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload))

      scope.put('/*', async function receive(request: UploadRequest, reply) {
        const record = await receiveImage(uploads, request, reply, uploadPeriodMs)
        const { id, mimeType, width, height, bytes } = record
        return reply
          .code(201)
          .header('cache-control', 'no-store')
          .send({ id, uri: uriOfId(id), mimeType, width, height, bytes, message: `The image is stored as ${id}.` })
      })

      scope.get('/*', { helmet: { contentSecurityPolicy: uploadPagePolicy } }, async function show(request, reply) {
        const texts = uploadTextsFor(request.headers['accept-language'])
        const { '*': token = '' } = Object(request.params)
        const ticket = await uploads.open(String(token)).catch((error: unknown) => {
          if (error instanceof ServiceError && statuses[error.code] !== undefined) return error.code
          throw error
        })
        const isOpen = typeof ticket !== 'string'
        return reply
          .code(isOpen ? 200 : (statuses[ticket] ?? 404))
          .headers({
            'cache-control': 'no-store',
            'content-language': texts.lang,
            vary: 'accept-language',
            'referrer-policy': 'no-referrer',
          })
          .type('text/html; charset=utf-8')
          .send(uploadPage(isOpen ? ticket : undefined, { maxBytes: config.images.maxBytes, hasKeys }, texts))
      })

      rejectOtherMethods(scope, '/*', ['GET', 'HEAD', 'PUT'], 'Send GET or PUT.')
    },
    { prefix: '/uploads' },
  )
}

/**
 * The page's own origin may be one that no setting names: by default the service has any host. Another page does not know
 * the token, whatever host it pretends to have.
 */
function guardOrigin(fastify: FastifyInstance) {
  return (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction) => {
    const asking = hostOf(request.headers.origin)
    if (asking !== undefined && asking === hostOf(fastify.baseUrlOf(request))) done()
    else fastify.guardOrigin(request, reply, done)
  }
}

/** Without the port, which proxies often drop. */
function hostOf(url: string | undefined): string | undefined {
  return url === undefined ? undefined : URL.parse(url)?.hostname || undefined
}

/**
 * Somebody else who was sent the address must not fill the library of the one who was asked.
 * https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation#phishing
 * @throws AccessError, ServiceError `IMG_ERR_UPLOAD_VISITOR`
 */
async function checkVisitor(request: FastifyRequest, reply: FastifyReply, owner: string): Promise<void> {
  const { server } = request
  await new Promise<void>((resolve, reject) => {
    server.authenticate(request, reply, (error) => (error === undefined ? resolve() : reject(error)))
  })
  // An address proves nothing: it may be a proxy's. On this machine everybody is the same user.
  const isOwner = !request.caller.isAnonymous && request.caller.id === owner
  if (!isOwner && server.libraryAccess(request).changes !== 'all') throw serviceError('IMG_ERR_UPLOAD_VISITOR', [])
}

async function receiveImage(uploads: Uploads, request: UploadRequest, reply: FastifyReply, periodMs: number) {
  const { headers, raw } = request
  const stalled = new AbortController()
  try {
    const ticket = await uploads.open(request.params['*'])
    if (ticket.isForOwner === true) await checkVisitor(request, reply, ticket.owner)
    const bytes = announcedBytes(headers)
    if (headers.expect?.toLowerCase() === '100-continue') reply.raw.writeContinue()
    const progress = watchUploadProgress({
      announced: bytes,
      periodMs,
      onStalled: () => stalled.abort(reply.server.rejectBody('slow')),
    })
    try {
      const chunks = readBody(raw, progress.received, stalled.signal)
      return await uploads.receive(ticket, { bytes, chunks }, stalled.signal)
    } finally {
      progress.stop()
    }
  } catch (error) {
    // The rest is read and dropped: Chromium reads no response before it has sent everything.
    raw.unpipe().resume()
    const isLong = Number(headers['content-length'] ?? 0) > request.server.config.images.maxBytes + LINGER_BYTES
    if (stalled.signal.aborted || isLong) reply.header('connection', 'close')
    throw toUploadError(error)
  }
}

/** @throws ServiceError `IMG_ERR_UPLOAD_LENGTH`, `IMG_ERR_UPLOAD_ENCODING` */
function announcedBytes({
  'content-length': length,
  'content-encoding': encoding = 'identity',
  'content-type': type = '',
}: FastifyRequest['headers']): number {
  if (encoding !== 'identity' || /^multipart\/|^application\/x-www-form/i.test(type)) {
    throw serviceError('IMG_ERR_UPLOAD_ENCODING', [])
  }
  if (length === undefined) throw serviceError('IMG_ERR_UPLOAD_LENGTH', [])
  return Number(length)
}

/**
 * The body, read as fast as it is stored. A stream of its own, because ending the iteration of a request closes its
 * connection, over which the response has to go.
 */
async function* readBody(
  raw: Readable,
  received: (total: number) => void,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const body = new PassThrough({ signal })
  const unwatch = finished(raw, (error) => {
    if (error) body.destroy(error)
  })
  raw.pipe(body)
  let total = 0
  try {
    for await (const chunk of body) {
      total += chunk.length
      received(total)
      yield chunk
    }
  } finally {
    unwatch()
    raw.unpipe(body)
  }
}

function toUploadError(error: unknown): unknown {
  if (!(error instanceof ServiceError)) return error
  const { code, family, message, cause, retryAfterMs } = error
  if (family === 'input') return new Rejection(statuses[code] ?? 422, message, { cause })
  return new Rejection(503, message, { retryAfterMs: retryAfterMs ?? RETRY_AFTER_MS, cause: error })
}
