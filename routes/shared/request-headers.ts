import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import { Rejection } from '../../services/errors/rejection.ts'

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,128}$/

/** Hook for `onRequest`. */
export function setRequestId({ id }: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void {
  reply.header('x-request-id', id)
  done()
}

/** Hook for `onRequest`: rejects encoded bodies and malformed idempotency keys. */
export function checkHeaders(
  { method, headers }: FastifyRequest,
  _reply: FastifyReply,
  done: HookHandlerDoneFunction,
): void {
  if (method === 'POST' && !isPlain(headers['content-encoding'])) {
    throw new Rejection(415, 'Content-Encoding is not supported: send the body without it.')
  }
  const key = headers['idempotency-key']
  if (key !== undefined && !(typeof key === 'string' && IDEMPOTENCY_KEY.test(key))) {
    throw new Rejection(400, 'Idempotency-Key: send one key of 1 to 128 visible ASCII characters.')
  }
  done()
}

function isPlain(encoding: string | undefined): boolean {
  return encoding === undefined || /^[\s,]*(?:identity[\s,]*)*$/i.test(encoding)
}

/** Joins repeated headers, as Node joins most: a list equals no value that a client may send. */
export function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header
}
