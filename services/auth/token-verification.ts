import type { Logger } from '../logging/logger.ts'
import { createHttpClient, type HttpClientOptions } from '../net/http-client.ts'
import { createKeySet } from './jwks.ts'
import { createKeyFetcher } from './oidc-discovery.ts'
import { describeResources } from './resource-metadata.ts'
import { createTokenVerifier, type TokenSubject } from './tokens.ts'

export interface TokenVerificationOptions {
  issuer: string
  jwksUrl: string | undefined
  audiences: readonly string[]
  requiredScopes: readonly string[]
  /** Address of this service; names of scopes may begin with it. */
  publicUrl: string
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
  publicUrl,
  http,
  log,
  ...rules
}: TokenVerificationOptions): TokenVerification {
  const client = createHttpClient(http)
  const findKey = createKeySet({ issuer, fetchKeys: createKeyFetcher({ issuer, jwksUrl, client }), log })
  const resources = Object.values(describeResources(publicUrl)).map(({ resource }) => resource)
  return { verify: createTokenVerifier({ issuer, findKey, resources, ...rules }), close: client.close }
}
