import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'

/** Bytes of a rejected body that are read and dropped beyond the limit. */
const LINGER_BYTES = 64 * 1_048_576

/**
 * Keeps the connection open after a body that was too large or found no memory, so that Node reads and drops its rest (for
 * at most the server's `requestTimeout`). Closing it with unread bytes would reset it, and a client that is still sending
 * would lose the response. A body far above the limit is not read.
 */
export function discardBody(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
  maxBodyBytes: number,
): void {
  const isOverloaded = error.statusCode === 503 && request.isBodyOpen
  if (error.code !== 'FST_ERR_CTP_BODY_TOO_LARGE' && !isOverloaded) return
  const announced = Number(request.headers['content-length'])
  if (announced <= maxBodyBytes + LINGER_BYTES) reply.removeHeader('connection')
}
