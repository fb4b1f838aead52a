import type { IncomingHttpHeaders } from 'node:http'
import { isForwarded } from '../net/forwarding-headers.ts'
import { isPrivate } from '../net/ip-address.ts'
import { AccessError } from './access-error.ts'
import { isSameSecret } from './api-keys.ts'
import { readBearer } from './authenticator.ts'

export interface Scrape {
  headers: IncomingHttpHeaders
  /** The client's address, trusted proxies taken into account. */
  address: string
  /** Whether the connection comes from a trusted proxy. */
  isTrustedProxy: boolean
}

/** Checks that a client may read the metrics: with the token, or without one configured from a private network. @throws AccessError */
export function checkScrape({ headers, address, isTrustedProxy }: Scrape, metricsToken: string | undefined): void {
  if (metricsToken === undefined) {
    // The address of a proxy that is not trusted says nothing about the client behind it.
    const isHidden = isForwarded(headers) && !isTrustedProxy
    if (isPrivate(address) && !isHidden) return
    throw new AccessError(403, 'Metrics are only served to private networks unless METRICS_TOKEN is set.')
  }
  const token = readBearer(headers.authorization)
  if (token !== undefined && isSameSecret(metricsToken, token)) return
  const sentence = 'Authentication required: send METRICS_TOKEN as "Authorization: Bearer <token>".'
  throw new AccessError(401, sentence, token === undefined ? {} : { reason: 'invalid_token' })
}
