import type { Readable } from 'node:stream'
import { errorCodes } from 'fastify'
import { giveBack, takeMemory } from '../../services/images/own-memory.ts'

const { FST_ERR_CTP_BODY_TOO_LARGE, FST_ERR_CTP_INVALID_CONTENT_LENGTH } = errorCodes

export interface BodyOptions {
  /** The header `Content-Length`. */
  announced: string | undefined
  maxBytes: number
  /** Makes of the body what is wanted; must not keep it, since its memory is given back. */
  parse(body: Buffer): unknown
}

/** Bodies longer than this are copied piece by piece as they come, so that no piece lives long. */
const LARGE_BODY = 65_536

/**
 * Reads a request's body into one Buffer and parses it. A small one is not copied if it came in one piece; a large one is
 * copied once, into memory that is used again as soon as it is parsed. Fastify's own reader would keep all of it, twice,
 * for the garbage collector.
 *
 * @param done gets what `parse` gave, or an error: what it threw, or as Fastify's own reader has them,
 *   FST_ERR_CTP_BODY_TOO_LARGE and FST_ERR_CTP_INVALID_CONTENT_LENGTH
 */
export function readBody(
  payload: Readable,
  { announced, maxBytes, parse }: BodyOptions,
  done: (error: Error | null, body?: unknown) => void,
): void {
  const length = announced === undefined ? undefined : Number(announced)
  if (length !== undefined && length > maxBytes) {
    done(new FST_ERR_CTP_BODY_TOO_LARGE())
    return
  }
  const body = length !== undefined && length > LARGE_BODY ? gatherLarge(length) : gatherSmall()
  let received = 0

  function take(piece: Buffer): void {
    received += piece.length
    if (received > (length ?? maxBytes)) end(new FST_ERR_CTP_BODY_TOO_LARGE())
    else body.add(piece)
  }
  function finish(): void {
    if (length === undefined || received === length) end(null)
    else end(new FST_ERR_CTP_INVALID_CONTENT_LENGTH())
  }
  function fail(error: Error): void {
    end('statusCode' in error ? error : Object.assign(error, { statusCode: 400 }))
  }
  function end(failure: Error | null): void {
    payload.off('data', take).off('end', finish).off('error', fail)
    let parsed: unknown
    let error = failure
    try {
      if (error === null) parsed = parse(body.whole())
    } catch (thrown) {
      error = thrown instanceof Error ? thrown : new Error('the body could not be parsed', { cause: thrown })
    }
    body.free()
    done(error, parsed)
  }

  payload.on('data', take).on('end', finish).on('error', fail).resume()
}

interface Gathering {
  add(piece: Buffer): void
  whole(): Buffer
  free(): void
}

/** The system gives new pages only as they are written, so an announced length alone takes hardly any. */
function gatherLarge(length: number): Gathering {
  const whole = takeMemory(length)
  let filled = 0
  return {
    add(piece) {
      filled += piece.copy(whole, filled)
    },
    whole: () => whole,
    free: () => giveBack([whole]),
  }
}

function gatherSmall(): Gathering {
  const pieces: Buffer[] = []
  return {
    add: (piece) => pieces.push(piece),
    whole: () => (pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces)),
    free() {},
  }
}
