import type { Readable } from 'node:stream'
import { errorCodes } from 'fastify'
import { freeMemory } from '../../services/images/free-memory.ts'

const { FST_ERR_CTP_BODY_TOO_LARGE, FST_ERR_CTP_INVALID_CONTENT_LENGTH } = errorCodes

/**
 * A request's body as one Buffer, copied once; the memory of its pieces is given back as they come, which Fastify's own
 * reader leaves to the garbage collector.
 *
 * @param announced the header `Content-Length`
 * @throws FastifyError as Fastify's own: FST_ERR_CTP_BODY_TOO_LARGE, FST_ERR_CTP_INVALID_CONTENT_LENGTH
 */
export function readBody(payload: Readable, announced: string | undefined, maxBytes: number): Promise<Buffer> {
  const length = announced === undefined ? undefined : Number(announced)
  if (length !== undefined && length > maxBytes) return Promise.reject(new FST_ERR_CTP_BODY_TOO_LARGE())
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const body = length === undefined ? gatherUnknown() : gatherKnown(length)
  let received = 0

  function take(piece: Buffer): void {
    received += piece.length
    if (received > (length ?? maxBytes)) fail(new FST_ERR_CTP_BODY_TOO_LARGE())
    else body.add(piece)
  }
  function finish(): void {
    stopReading()
    if (length === undefined || received === length) resolve(body.bytes())
    else reject(new FST_ERR_CTP_INVALID_CONTENT_LENGTH())
  }
  function fail(error: Error): void {
    stopReading()
    reject('statusCode' in error ? error : Object.assign(error, { statusCode: 400 }))
  }
  function stopReading(): void {
    payload.off('data', take).off('end', finish).off('error', fail)
  }

  payload.on('data', take).on('end', finish).on('error', fail).resume()
  return promise
}

interface Gathering {
  add(piece: Buffer): void
  bytes(): Buffer
}

/** The system gives pages only as they are written, so an announced length alone takes no memory. */
function gatherKnown(length: number): Gathering {
  const body = Buffer.allocUnsafeSlow(length)
  let filled = 0
  return {
    add(piece) {
      filled += piece.copy(body, filled)
      freeMemory([piece])
    },
    bytes: () => body,
  }
}

function gatherUnknown(): Gathering {
  const pieces: Buffer[] = []
  return {
    add: (piece) => pieces.push(piece),
    bytes() {
      const body = Buffer.concat(pieces)
      freeMemory(pieces)
      return body
    },
  }
}
