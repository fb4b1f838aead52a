import path from 'node:path'
import { Readable } from 'node:stream'
import * as contentDisposition from 'content-disposition'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ImageRecord } from '../../schemas/image-record.ts'
import type { ImageMimeType } from '../../services/bytes/base64-image.ts'
import { fitExtension } from '../../services/library/file-extension.ts'
import type { StoredFile } from '../../services/library/image-store.ts'
import type { ImageVariants } from '../../services/library/image-variants.ts'
import type { Link } from '../../services/library/links/links.ts'
import { type ByteSelection, selectBytes } from '../../services/net/byte-selection.ts'

/** What a link opens. Whoever gets it closes the file. */
export interface LinkedImage {
  link: Link
  record: ImageRecord
  file: StoredFile
}

/** An SVG that is opened by itself must run no script, and load nothing that tells who opened it. */
const CONTENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"

/** Browsers wait longer, people do not. */
const VARIANT_WAIT_MS = 20_000

/** Sends what the request asks for of a stored image. */
export async function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  image: LinkedImage,
): Promise<FastifyReply> {
  await using stack = new AsyncDisposableStack()
  const { record, file } = image
  stack.use(file)
  const etag = etagOf(record, file)
  const selection = selectBytes(request, { bytes: file.bytes, etag, lastModified: lastModifiedOf(record) })
  reply.code(selection.status).headers(commonHeaders(image, etag)).header('accept-ranges', 'bytes')
  reply.headers(rangeHeaders(selection, file.bytes))
  if (selection.from === undefined) return await reply.send()
  reply.headers(contentHeaders(record, record.mimeType))
  if (request.method === 'HEAD') return await reply.send()
  stack.move()
  return await reply.send(streamOf(request, file, selection))
}

/**
 * Sends another size or format of a stored image, always whole. Its validator is weak: another release may encode the same
 * pixels in other bytes.
 */
export async function sendVariant(
  request: FastifyRequest,
  reply: FastifyReply,
  image: LinkedImage,
  variants: ImageVariants,
): Promise<FastifyReply> {
  await using stack = new AsyncDisposableStack()
  const { record, file, link } = image
  stack.use(file)
  const { maxEdge = '', format = '' } = link.variant
  const etag = `W/${etagOf(record, file).replace(/^W\//, '').slice(0, -1)}-${maxEdge}${format}"`
  // Ranges of what is rendered for each request would be inconsistent.
  const representation = { bytes: file.bytes, etag, lastModified: lastModifiedOf(record) }
  const { status, from } = selectBytes({ method: 'HEAD', headers: request.headers }, representation)
  reply.code(status).headers(commonHeaders(image, etag)).header('accept-ranges', 'none')
  if (from === undefined) return await reply.send()
  const rendered = await variants.render(file, link.variant, claimOf(request, reply))
  const { mimeType, bytes } = rendered ?? { mimeType: record.mimeType, bytes: undefined }
  reply.headers(contentHeaders(record, mimeType)).header('content-length', bytes?.length ?? file.bytes)
  if (request.method === 'HEAD') return await reply.send()
  if (bytes !== undefined) return await reply.send(bytes)
  stack.move()
  return await reply.send(streamOf(request, file, { from: 0, to: file.bytes }))
}

function commonHeaders({ link, record }: LinkedImage, etag: string) {
  const seconds = Math.max(0, Math.floor((link.endsAt - Date.now()) / 1000))
  return {
    etag,
    'last-modified': lastModifiedOf(record),
    'cache-control': `private, max-age=${seconds}, immutable`,
    'content-security-policy': CONTENT_POLICY,
    'cross-origin-resource-policy': 'cross-origin',
  }
}

function rangeHeaders(selection: ByteSelection, bytes: number) {
  if (selection.status === 304) return {}
  if (selection.status === 416) return { 'content-length': 0, 'content-range': `bytes */${bytes}` }
  if (selection.from === undefined) return { 'content-length': 0 }
  const { status, from, to } = selection
  return {
    'content-length': to - from,
    ...(status === 206 && { 'content-range': `bytes ${from}-${to - 1}/${bytes}` }),
  }
}

function contentHeaders({ location }: ImageRecord, mimeType: ImageMimeType) {
  const { stem, extension } = fitExtension(path.posix.basename(location), mimeType)
  return {
    'content-type': mimeType,
    'content-disposition': contentDisposition.create(stem + extension, { type: 'inline' }),
  }
}

function lastModifiedOf({ createdAt }: ImageRecord): string {
  return new Date(createdAt).toUTCString()
}

/** A named image may have been replaced in the folder by something else than this service. */
function etagOf({ sha256, bytes }: ImageRecord, file: StoredFile): string {
  return file.bytes === bytes ? `"${sha256}"` : `W/"${file.bytes}-${Math.floor(file.modifiedAt)}"`
}

/** Reads as fast as the client does. Closes the file, also if the client disconnects. */
function streamOf({ log }: FastifyRequest, file: StoredFile, { from, to }: { from: number; to: number }): Readable {
  // Reads one chunk at a time, when the connection has taken the one before.
  const stream = Readable.from(file.read(from, to), { objectMode: false, highWaterMark: 0 })
  return stream.once('close', () => {
    Promise.resolve(file[Symbol.asyncDispose]()).catch((err: unknown) => log.warn({ err }, 'closing an image failed'))
  })
}

/** Ends with the connection, and so does the memory of what is rendered. */
function claimOf({ caller }: FastifyRequest, { raw }: FastifyReply) {
  const scope = new DisposableStack()
  const closed = new AbortController()
  const end = () => {
    closed.abort()
    scope.dispose()
  }
  if (raw.closed) end()
  else raw.once('close', end)
  return { caller: caller.id, deadlineAt: performance.now() + VARIANT_WAIT_MS, signal: closed.signal, scope }
}
