import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import { invalidRequest } from '../../services/mcp/protocol-error.ts'

/** A header repeated by a client and joined by a proxy. */
const REPEATED = /^\s*(application\/(?:[\w.-]+\+)?json(?:\s*;[^,]*)?)(?:\s*,\s*\1)+\s*$/i
const CHARSET = /;\s*charset\s*=\s*(?:"([^"]*)"|([^\s;,"]*))/i
/** ASCII is UTF-8 as well. */
const KNOWN_CHARSETS: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii', 'ascii'])

/** Longer ones say nothing that anyone needs. */
const MAX_LENGTH = 256

/** Hook for `onRequest`: makes one header of a repeated one, and rejects a body in another encoding before it is read. */
export function checkContentType(
  { method, headers }: FastifyRequest,
  _reply: FastifyReply,
  done: HookHandlerDoneFunction,
): void {
  const given = headers['content-type']
  if (method === 'POST' && given !== undefined && given.length <= MAX_LENGTH) {
    const type = given.includes(',') ? (REPEATED.exec(given)?.[1] ?? given) : given
    headers['content-type'] = type
    if (type.includes(';')) checkCharset(type)
  }
  done()
}

function checkCharset(type: string): void {
  const charset = CHARSET.exec(type)
  const name = charset === null ? 'utf-8' : (charset[1] ?? charset[2] ?? '').trim().toLowerCase()
  if (!KNOWN_CHARSETS.has(name)) {
    throw invalidRequest('Send the body in UTF-8: the charset that Content-Type names is not supported.', 415)
  }
}
