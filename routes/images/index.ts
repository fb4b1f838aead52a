import path from 'node:path'
import { Readable } from 'node:stream'
import cors from '@fastify/cors'
import * as contentDisposition from 'content-disposition'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ImageRecord } from '../../schemas/image-record.ts'
import { serviceError } from '../../services/errors/errors.ts'
import { LINK_ACCESS } from '../../services/library/access.ts'
import type { StoredFile } from '../../services/library/image-store.ts'
import type { Link, LinkQuery } from '../../services/library/links/links.ts'
import { type ByteSelection, selectBytes } from '../../services/net/byte-selection.ts'
import { toHttpError } from './http-error.ts'

type ImageRequest = FastifyRequest<{ Params: { id: string }; Querystring: LinkQuery }>

/** An SVG that is opened by itself must run no script, and load nothing that tells who opened it. */
const CONTENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"

/** Of the headers that pages may read by default only Content-Length and Cache-Control are among these. */
const EXPOSED_HEADERS = ['Accept-Ranges', 'Content-Disposition', 'Content-Range', 'ETag', 'Retry-After']

/** `GET /images/{id}?e=…&s=…`: images by signed links, which need no other credential. */
export default async function images(fastify: FastifyInstance): Promise<void> {
  const { links, library } = fastify
  if (links === undefined || library === undefined) return

  async function sendImage(request: ImageRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { id } = request.params
    const link = links?.verify(id, request.query)
    if (link === undefined || library === undefined) throw serviceError('IMG_ERR_LINK', [])
    const record = await library.get(id, LINK_ACCESS)
    return await sendFile(request, reply, { link, record, file: await library.open(record) })
  }

  await fastify.register(
    async function linkedImages(scope) {
      scope.setErrorHandler((error) => {
        throw toHttpError(error)
      })
      for (const hook of [fastify.guardHost, fastify.drain.admit, fastify.shedLoad, fastify.limitRequests]) {
        scope.addHook('onRequest', hook)
      }
      // Whoever has the link may show it on any page; no cookie and no other credential goes with it.
      await scope.register(cors, { origin: '*', methods: ['GET', 'HEAD'], exposedHeaders: EXPOSED_HEADERS })
      scope.route({ method: ['GET', 'HEAD'], url: '/:id', handler: sendImage })
      const others = scope.supportedMethods.filter((method) => !['GET', 'HEAD', 'OPTIONS'].includes(method))
      scope.route({ method: others, url: '/:id', onRequest: rejectMethod, handler: rejectMethod })
    },
    { prefix: '/images' },
  )
}

async function rejectMethod(_request: FastifyRequest, reply: FastifyReply): Promise<never> {
  reply.header('allow', 'GET, HEAD')
  throw reply.server.httpErrors.methodNotAllowed('Send GET or HEAD.')
}

/** Sends what the request asks for of a stored image, and closes its file. */
async function sendFile(
  request: ImageRequest,
  reply: FastifyReply,
  { link, record, file }: { link: Link; record: ImageRecord; file: StoredFile },
): Promise<FastifyReply> {
  await using stack = new AsyncDisposableStack()
  stack.use(file)
  const etag = etagOf(record, file)
  const lastModified = new Date(record.createdAt).toUTCString()
  const selection = selectBytes(request, { bytes: file.bytes, etag, lastModified })
  reply.code(selection.status).headers({
    etag,
    'last-modified': lastModified,
    'accept-ranges': 'bytes',
    'cache-control': `private, max-age=${Math.max(0, Math.floor((link.endsAt - Date.now()) / 1000))}, immutable`,
    'content-security-policy': CONTENT_POLICY,
    'cross-origin-resource-policy': 'cross-origin',
    ...contentHeaders(selection, record, file.bytes),
  })
  if (selection.from === undefined || request.method === 'HEAD') return await reply.send()
  stack.move()
  return await reply.send(streamOf(request, file, selection))
}

function contentHeaders(selection: ByteSelection, record: ImageRecord, bytes: number): Record<string, string | number> {
  if (selection.status === 304) return {}
  if (selection.status === 416) return { 'content-length': 0, 'content-range': `bytes */${bytes}` }
  if (selection.from === undefined) return { 'content-length': 0 }
  const { status, from, to } = selection
  return {
    'content-type': record.mimeType,
    'content-length': to - from,
    'content-disposition': contentDisposition.create(path.posix.basename(record.location), { type: 'inline' }),
    ...(status === 206 && { 'content-range': `bytes ${from}-${to - 1}/${bytes}` }),
  }
}

/** A named image may have been replaced in the folder by something else than this service. */
function etagOf({ sha256, bytes }: ImageRecord, file: StoredFile): string {
  return file.bytes === bytes ? `"${sha256}"` : `W/"${file.bytes}-${Math.floor(file.modifiedAt)}"`
}

/** Reads as fast as the client does. Closes the file, also if the client disconnects. */
function streamOf({ log }: FastifyRequest, file: StoredFile, { from, to }: { from: number; to: number }): Readable {
  const stream = Readable.from(file.read(from, to), { objectMode: false, highWaterMark: 0 })
  return stream.once('close', () => {
    Promise.resolve(file[Symbol.asyncDispose]()).catch((err: unknown) => log.warn({ err }, 'closing an image failed'))
  })
}
