import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import { invalidRequest } from '../../services/mcp/protocol-error.ts'

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
    throw invalidRequest('Content-Encoding is not supported: send the body without it.', 415)
  }
  const key = headers['idempotency-key']
  if (key !== undefined && !(typeof key === 'string' && IDEMPOTENCY_KEY.test(key))) {
    throw invalidRequest('Idempotency-Key: send one key of 1 to 128 visible ASCII characters.')
  }
  done()
}

function isPlain(encoding: string | undefined): boolean {
  return encoding === undefined || /^[\s,]*(?:identity[\s,]*)*$/i.test(encoding)
}

/** Undefined if it is blank; one if a proxy repeats it. */
export function readVersion(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined
  const versions = single(header)?.split(',') ?? []
  return [...new Set(versions.map((version) => version.trim()))].join(', ') || undefined
}

/** Joins repeated headers, as Node joins most: a list equals no value that a client may send. */
export function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header
}
