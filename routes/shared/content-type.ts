import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import { Rejection } from '../../services/errors/rejection.ts'

const JSON_TYPE = /^\s*application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i
const CHARSET = /;\s*charset\s*=\s*(?:"([^"]*)"|([^\s;,"]*))/gi
/** Names of UTF-8, among them those of programming languages, and ASCII, which is UTF-8 as well. */
const UTF8 = /^(?:(?:x-)?utf[-_]?8(?:-sig|n)?|(?:x-)?unicode[\w-]*utf-?8|(?:us-)?ascii)$/i

/** Longer headers are not examined. */
const MAX_LENGTH = 256

/**
 * Hook for `onRequest`: reduces a header that a client repeats and a proxy joins to one value, and rejects a body in
 * another charset before it is read.
 */
export function checkContentType(
  { method, headers }: FastifyRequest,
  _reply: FastifyReply,
  done: HookHandlerDoneFunction,
): void {
  const given = headers['content-type']
  if (method === 'POST' && given !== undefined && given.length <= MAX_LENGTH) {
    checkCharsets(given)
    const [first = given, ...others] = given.split(',')
    if (others.length > 0 && [first, ...others].every((type) => JSON_TYPE.test(type))) headers['content-type'] = first
  }
  done()
}

function checkCharsets(types: string): void {
  if (!types.includes(';')) return
  for (const [, quoted, plain = ''] of types.matchAll(CHARSET)) {
    if (UTF8.test((quoted ?? plain).replaceAll(/^[\s']+|[\s']+$/g, ''))) continue
    throw new Rejection(415, 'Send the body in UTF-8: the charset that Content-Type names is not supported.')
  }
}
