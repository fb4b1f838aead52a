import type { Readable } from 'node:stream'
import { errorCodes } from 'fastify'
import { type BufferPool, type PooledBuffer, pooledSize } from '../../services/bytes/buffer-pool.ts'
import { type ByteReservation, UNRESERVED_BYTES } from '../../services/limits/byte-budget.ts'
import { watchHeadway } from '../../services/limits/upload-progress.ts'
import { invalidRequest } from '../../services/mcp/protocol-error.ts'

export interface BodyOptions {
  pool: BufferPool
  /** What `Content-Length` says. */
  announced: number | undefined
  maxBytes: number
  /** Grows with the body; null: nothing bounds it. */
  reservation: ByteReservation | null
  /** What a body is rejected with that found no memory in time, or made no headway. */
  rejectBody: (reason: 'bytes' | 'slow') => Error
  /** Milliseconds in which a body must bring 64 KiB, or what is left of it. */
  headwayMs: number
  /** Makes of the body what is wanted; must not keep it, since its memory is used again. */
  parse(body: Buffer): { value: unknown; retainedBytes: number }
}

/** Sizes of the buffer of a body that needs no reservation yet. */
const SMALL_SIZES = [4_096, 16_384, UNRESERVED_BYTES]
/** A first chunk so long is not copied, although more may come. */
const LONG_CHUNK = 16_384
/**
 * Each chunk costs the process some microseconds, and chunks of one byte cost their sender next to nothing: a few hundred
 * connections with ten thousand of them each would stop everything for ten seconds.
 */
const MANY_CHUNKS = 1_000
const LEAST_AVERAGE = 32

/**
 * Reads a body into one Buffer as its chunks come, and parses it. Buffered until the end, as the framework does it, large
 * chunks make work for the garbage collector, and chunks of one byte take hundreds of times the memory that was reserved.
 * Reading pauses while the reservation waits for capacity, so that the sender feels it.
 *
 * @param done gets the message that `parse` made, or an error: what it threw, what is wrong with the chunks, 408 without
 *   headway, 503 without capacity, or as the framework has them FST_ERR_CTP_BODY_TOO_LARGE and
 *   FST_ERR_CTP_INVALID_CONTENT_LENGTH
 */
export function readBody(
  payload: Readable,
  { pool, announced, maxBytes, reservation, rejectBody, headwayMs, parse }: BodyOptions,
  done: (error: Error | null, body?: unknown) => void,
): void {
  if (announced !== undefined && announced > maxBytes) {
    done(new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE())
    return
  }
  const body = createGathering(announced, pool)
  const headway = watchHeadway({ announced, periodMs: headwayMs, onStalled: () => end(rejectBody('slow')) })
  let chunks = 0
  let hasEnded = false

  function take(chunk: Buffer): void {
    const length = body.length + chunk.length
    const failure = problemOf(length, ++chunks, maxBytes)
    if (failure !== undefined) {
      end(failure)
      return
    }
    headway.received(length)
    const bytes = body.sizeWith(chunk)
    const granted = bytes > UNRESERVED_BYTES && reservation !== null ? reservation.grow(bytes) : true
    if (granted === true) body.add(chunk)
    else waitFor(granted, chunk)
  }
  /** The sender is not to blame for a wait of ours. */
  function waitFor(granted: Promise<boolean>, chunk: Buffer): void {
    payload.pause()
    headway.pause()
    granted.then((isGranted) => {
      if (hasEnded) return
      if (isGranted) {
        body.add(chunk)
        headway.resume()
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
    headway.stop()
    payload.off('data', take).off('end', finish).off('error', end)
    let error = failure
    let message: unknown
    let retainedBytes = 0
    try {
      if (error === null) ({ value: message, retainedBytes } = parse(body.whole()))
    } catch (thrown) {
      error = thrown instanceof Error ? thrown : new Error('the body could not be parsed', { cause: thrown })
    }
    if (body.size > UNRESERVED_BYTES) reservation?.settle(retainedBytes)
    body.free()
    done(error, message)
  }

  payload.on('data', take).on('end', finish).on('error', end).resume()
}

function problemOf(length: number, chunks: number, maxBytes: number): Error | undefined {
  if (length > maxBytes) return new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE()
  if (chunks <= MANY_CHUNKS || length >= chunks * LEAST_AVERAGE) return undefined
  return invalidRequest('The body comes in too many small chunks: send it in larger ones.')
}

/** A body as far as it has come. One that comes in one chunk, as nearly all without an image do, is not copied. */
function createGathering(announced: number | undefined, pool: BufferPool) {
  let bytes: Buffer | undefined
  let first: Buffer | undefined
  let length = 0
  let pooled: PooledBuffer | undefined

  /** Bytes of the buffer that so many would lie in: what is reserved is what is really allocated. */
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
    get size() {
      return bytes?.length ?? length
    },
    /** Bytes that the buffer would have with this chunk in it. */
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
