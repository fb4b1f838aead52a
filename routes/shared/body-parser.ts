import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { errorCodes, type FastifyInstance, type FastifyRequest } from 'fastify'
import { type BufferPool, type PooledBuffer, pooledSize } from '../../services/bytes/buffer-pool.ts'
import { LONG_STRING, type ParsedJson } from '../../services/bytes/json/parse-body.ts'
import { Rejection } from '../../services/errors/rejection.ts'
import { type ByteReservation, UNRESERVED_BYTES } from '../../services/limits/byte-budget.ts'
import { watchUploadProgress } from '../../services/limits/upload-progress.ts'

export interface BodyParserOptions {
  uploadPeriodMs: number
  /** Must not keep the body, since its memory is reused. */
  parse(body: Buffer, pool: BufferPool, contentType: string): ParsedJson
}

/** Parses JSON bodies of this plugin's routes, and no others. */
export function addBodyParser(fastify: FastifyInstance, options: BodyParserOptions): void {
  fastify.removeAllContentTypeParsers()
  addTypeParser(fastify, JSON_TYPE, options)
}

/** Parses bodies of one more type. */
export function addTypeParser(
  fastify: FastifyInstance,
  type: RegExp,
  { uploadPeriodMs, parse: parseType }: BodyParserOptions,
): void {
  const { config, rejectBody, bufferPool: pool } = fastify
  const maxBytes = config.limits.maxBodyBytes
  fastify.addContentTypeParser(type, function parseBody(request: FastifyRequest, payload: IncomingMessage, done) {
    const { 'content-length': length, 'content-type': contentType = '' } = request.headers
    const announced = length === undefined ? undefined : Number(length)
    const reserve = () => fastify.reserveBody(request)
    const parse = (body: Buffer) => {
      // The scope is closed, so the images of the body would never be released.
      if (request.lifecycle.hasEnded) throw new Rejection(400, 'The client disconnected.')
      const parsed = fastify.chargeLoop(request, () => parseType(body, pool, contentType))
      // A smaller body has no blobs, even if escaped line breaks double it.
      if (body.length > LONG_STRING / 2) request.lifecycle.scope.use(parsed)
      return parsed
    }
    readBody(payload, { pool, announced, maxBytes, reserve, rejectBody, uploadPeriodMs, parse }, done)
  })
}

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json(?:;|$)/i

export interface BodyOptions {
  pool: BufferPool
  /** The value of `Content-Length`. */
  announced: number | undefined
  maxBytes: number
  /** Opens the reservation of a body that needs one; it grows with the body. */
  reserve: () => ByteReservation
  /** The error for a body that got no memory in time, or arrived too slowly. */
  rejectBody: (reason: 'bytes' | 'slow') => Error
  /** Milliseconds in which 64 KiB of a body must arrive, or its rest. */
  uploadPeriodMs: number
  /** Must not keep the body, since its memory is reused. */
  parse(body: Buffer): { value: unknown; retainedBytes: number }
}

/** Sizes of the buffer of a body that needs no reservation yet. */
const SMALL_SIZES = [4_096, 16_384, UNRESERVED_BYTES]
/** A first chunk of this length is not copied, even if more may follow. */
const LONG_CHUNK = 16_384
/**
 * Each chunk takes some microseconds, and chunks of one byte cost a client next to nothing: a few hundred connections with
 * ten thousand of them each would block the process for ten seconds.
 */
const MANY_CHUNKS = 1_000
const LEAST_AVERAGE = 32

/**
 * Reads a body into one Buffer and parses it. Fastify collects the chunks in an array: that costs much garbage collection
 * for large bodies, and a client that sends one-byte chunks would use hundreds of times the reserved memory. Reading
 * pauses while the reservation waits for capacity, which slows the sender down.
 *
 * @param done gets the message that `parse` returns, or an error: what it threw, too many chunks, 408 for a slow body, 503
 *   without capacity, or Fastify's FST_ERR_CTP_BODY_TOO_LARGE and FST_ERR_CTP_INVALID_CONTENT_LENGTH
 */
export function readBody(
  payload: Readable,
  { pool, announced, maxBytes, reserve, rejectBody, uploadPeriodMs, parse }: BodyOptions,
  done: (error: Error | null, body?: unknown) => void,
): void {
  if (announced !== undefined && announced > maxBytes) {
    done(new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE())
    return
  }
  const body = createGathering(announced, pool)
  const progress = watchUploadProgress({
    announced,
    periodMs: uploadPeriodMs,
    onStalled: () => end(rejectBody('slow')),
  })
  let chunks = 0
  let hasEnded = false
  let reservation: ByteReservation | undefined

  function grow(bytes: number): true | Promise<boolean> {
    if (bytes <= UNRESERVED_BYTES) return true
    reservation ??= reserve()
    return reservation.grow(bytes)
  }
  function take(chunk: Buffer): void {
    const length = body.length + chunk.length
    const failure = problemOf(length, ++chunks, maxBytes)
    if (failure !== undefined) {
      end(failure)
      return
    }
    progress.received(length)
    const granted = grow(body.sizeWith(chunk))
    if (granted === true) body.add(chunk)
    else waitFor(granted, chunk)
  }
  /** This wait does not count as slowness of the sender. */
  function waitFor(granted: Promise<boolean>, chunk: Buffer): void {
    payload.pause()
    progress.pause()
    granted.then((isGranted) => {
      if (hasEnded) return
      if (isGranted) {
        body.add(chunk)
        progress.resume()
        payload.resume()
      } else end(rejectBody('bytes'))
    }, end)
  }
  function finish(): void {
    if (announced === undefined || body.length === announced) end(null)
    else end(new errorCodes.FST_ERR_CTP_INVALID_CONTENT_LENGTH())
  }
  function end(failure: Error | null): void {
    hasEnded = true
    progress.stop()
    payload.off('data', take).off('end', finish).off('error', end)
    let error = failure
    let message: unknown
    let retainedBytes = 0
    try {
      if (error === null) ({ value: message, retainedBytes } = parse(body.whole()))
    } catch (thrown) {
      error = thrown instanceof Error ? thrown : new Error('the body could not be parsed', { cause: thrown })
    }
    reservation?.settle(retainedBytes)
    body.free()
    done(error, message)
  }

  payload.on('data', take).on('end', finish).on('error', end).resume()
}

function problemOf(length: number, chunks: number, maxBytes: number): Error | undefined {
  if (length > maxBytes) return new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE()
  if (chunks <= MANY_CHUNKS || length >= chunks * LEAST_AVERAGE) return undefined
  return new Rejection(400, 'The body arrives in too many small chunks: send larger ones.')
}

/** The part of a body that has arrived. A body in one chunk, as nearly all without an image are, is not copied. */
function createGathering(announced: number | undefined, pool: BufferPool) {
  let bytes: Buffer | undefined
  let first: Buffer | undefined
  let length = 0
  let pooled: PooledBuffer | undefined

  /** Size of the buffer for so many bytes: what is allocated is what is reserved. */
  function sizeOf(needed: number): number {
    if (bytes !== undefined && needed <= bytes.length) return bytes.length
    return SMALL_SIZES.find((size) => needed <= size) ?? pooledSize(needed)
  }
  const isFirst = (chunk: Buffer) => length === 0 && chunk.length >= (announced ?? LONG_CHUNK)

  function makeSpace(needed: number): Buffer {
    const size = sizeOf(needed)
    if (bytes?.length === size) return bytes
    const next = size > UNRESERVED_BYTES ? pool.acquire(size) : undefined
    const larger = next?.bytes ?? Buffer.allocUnsafeSlow(size)
    const before = bytes ?? first
    before?.copy(larger, 0, 0, length)
    free()
    first = undefined
    bytes = larger
    pooled = next
    return larger
  }
  function free(): void {
    pooled?.[Symbol.dispose]()
    pooled = undefined
  }

  return {
    get length() {
      return length
    },
    /** Size of the buffer with this chunk in it. */
    sizeWith: (chunk: Buffer) => (isFirst(chunk) ? chunk.length : sizeOf(length + chunk.length)),
    add(chunk: Buffer) {
      if (isFirst(chunk)) first = chunk
      else chunk.copy(makeSpace(length + chunk.length), length)
      length += chunk.length
    },
    whole: () => first ?? bytes?.subarray(0, length) ?? Buffer.alloc(0),
    free,
  }
}
