import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { credentialHeaders } from '../net/credential-headers.ts'

/** Characters that are harmless in a log line and in a header. */
const SAFE_ID = /^[\w.:-]{1,64}$/

/** Shorter words, such as the scheme of a credential, may be part of any id. */
const MIN_SECRET_LENGTH = 8

/** The client's own `X-Request-Id` if it is safe to log, else a new id. */
export function requestIdOf(headers: IncomingHttpHeaders): string {
  const id = headers['x-request-id']
  return typeof id === 'string' && SAFE_ID.test(id) && !showsCredential(id, headers) ? id : randomUUID()
}

/** Whether the id is part of the client's credential, or contains one. */
function showsCredential(id: string, headers: IncomingHttpHeaders): boolean {
  const credentials = credentialHeaders.flatMap((name) => String(headers[name] ?? '').split(' '))
  return credentials.some((each) => each.includes(id) || (each.length >= MIN_SECRET_LENGTH && id.includes(each)))
}
