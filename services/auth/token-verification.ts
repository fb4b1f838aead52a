import type { Logger } from '../logging/logger.ts'
import { createHttpClient, type HttpClientOptions } from '../net/http-client.ts'
import { createKeySet } from './jwks.ts'
import { createKeyFetcher } from './oidc-discovery.ts'
import { createTokenVerifier, type TokenSubject } from './tokens.ts'

export interface TokenVerificationOptions {
  issuer: string
  jwksUrl: string | undefined
  audiences: readonly string[]
  requiredScopes: readonly string[]
  http: HttpClientOptions
  log: Logger
}

export interface TokenVerification {
  verify(token: string): Promise<TokenSubject>
  close(): Promise<void>
}

/** Verifies tokens of one issuer with the keys that it publishes. */
export function openTokenVerification({
  issuer,
  jwksUrl,
  http,
  log,
  ...rules
}: TokenVerificationOptions): TokenVerification {
  const client = createHttpClient(http)
  const findKey = createKeySet({ issuer, fetchKeys: createKeyFetcher({ issuer, jwksUrl, client }), log })
  return { verify: createTokenVerifier({ issuer, findKey, ...rules }), close: client.close }
}
