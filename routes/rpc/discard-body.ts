import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { Rejection } from '../../services/errors/rejection.ts'

/** How much of a rejected body is read and thrown away, beyond what is allowed. */
const LINGER_BYTES = 64 * 1_048_576

/**
 * Keeps the connection of a body that was too large or found no memory, so that Node takes in and drops the rest of it
 * (in at most the server's `requestTimeout`). Closing it with bytes unread would reset it, and a caller that is still sending, as a proxy
 * is, would lose the response. A body far too large is not worth that.
 */
export function discardBody(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
  maxBodyBytes: number,
): void {
  const isOverloaded = error instanceof Rejection && error.statusCode === 503 && request.bodyReservation !== null
  if (error.code !== 'FST_ERR_CTP_BODY_TOO_LARGE' && !isOverloaded) return
  const announced = Number(request.headers['content-length'])
  if (announced <= maxBodyBytes + LINGER_BYTES) reply.removeHeader('connection')
}
