import type { Readable } from 'node:stream'
import { errorCodes } from 'fastify'
import { giveBack, takeMemory } from '../../services/images/own-memory.ts'
import { invalidRequest } from '../../services/mcp/protocol-error.ts'

export interface BodyOptions {
  /** What `Content-Length` says. */
  announced: number | undefined
  maxBytes: number
  /** Makes of the body what is wanted; must not keep it, since its memory is used again. */
  parse(body: Buffer): unknown
}

/** For a body that does not say its length; most are smaller. */
const FIRST_BYTES = 16_384
/** Each piece costs the process some microseconds, and chunks of one byte cost their sender next to nothing. */
const MANY_PIECES = 10_000
const LEAST_AVERAGE = 32

/**
 * Reads a body into one Buffer as its pieces come, and parses it. Kept until the end, as the framework does it, large
 * pieces make work for the garbage collector, and pieces of one byte (nobody hinders a caller from sending such chunks)
 * take hundreds of times the memory for which room was found.
 *
 * @param done gets what `parse` gave, or an error: what it threw, what is wrong with the pieces, or as the framework has
 *   them FST_ERR_CTP_BODY_TOO_LARGE and FST_ERR_CTP_INVALID_CONTENT_LENGTH
 */
export function readBody(
  payload: Readable,
  { announced, maxBytes, parse }: BodyOptions,
  done: (error: Error | null, body?: unknown) => void,
): void {
  if (announced !== undefined && announced > maxBytes) {
    done(new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE())
    return
  }
  const body = createGathering(announced ?? Math.min(FIRST_BYTES, maxBytes), maxBytes)
  let pieces = 0

  function take(piece: Buffer): void {
    const length = body.length + piece.length
    if (length > maxBytes) end(new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE())
    else if (++pieces > MANY_PIECES && length < pieces * LEAST_AVERAGE) {
      end(invalidRequest('The body comes in too many small pieces: send it in larger ones.'))
    } else body.add(piece)
  }
  function finish(): void {
    if (announced === undefined || body.length === announced) end(null)
    else end(new errorCodes.FST_ERR_CTP_INVALID_CONTENT_LENGTH())
  }
  function end(failure: Error | null): void {
    payload.off('data', take).off('end', finish).off('error', end)
    let error = failure
    let parsed: unknown
    try {
      if (error === null) parsed = parse(body.whole())
    } catch (thrown) {
      error = thrown instanceof Error ? thrown : new Error('the body could not be parsed', { cause: thrown })
    }
    body.free()
    done(error, parsed)
  }

  payload.on('data', take).on('end', finish).on('error', end).resume()
}

/** A body as far as it has come. One that comes in one piece, as nearly all without a picture do, is not copied. */
function createGathering(expected: number, maxBytes: number) {
  let bytes: Buffer | undefined
  let first: Buffer | undefined
  let length = 0

  function makeRoom(needed: number): Buffer {
    if (bytes !== undefined && needed <= bytes.length) return bytes
    const wanted = Math.max(needed, Math.min(maxBytes, Math.max(expected, (bytes?.length ?? 0) * 2)))
    const larger = takeMemory(wanted)
    const before = bytes ?? first
    before?.copy(larger, 0, 0, length)
    if (bytes !== undefined) giveBack([bytes])
    first = undefined
    bytes = larger
    return larger
  }

  return {
    get length() {
      return length
    },
    add(piece: Buffer) {
      if (length === 0 && piece.length >= expected) first = piece
      else piece.copy(makeRoom(length + piece.length), length)
      length += piece.length
    },
    whole: () => first ?? bytes?.subarray(0, length) ?? Buffer.alloc(0),
    free() {
      if (bytes !== undefined) giveBack([bytes])
    },
  }
}
