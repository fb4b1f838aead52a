import type { IncomingHttpHeaders } from 'node:http'

/** Headers that only intermediaries add. */
const FORWARDING_HEADERS = [
  'x-forwarded-for',
  'forwarded',
  'x-real-ip',
  'x-forwarded-host',
  'x-forwarded-proto',
  'via',
] as const

/** Whether a proxy sent the request, so that the address of the connection says nothing about the client. */
export function isForwarded(headers: IncomingHttpHeaders): boolean {
  return FORWARDING_HEADERS.some((name) => headers[name] !== undefined)
}
