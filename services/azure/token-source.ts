import type { AccessToken, TokenSource } from './credential.ts'

/** The part of the credentials of `@azure/identity` that is used. */
interface IdentityCredential {
  getToken(scope: string, options?: { claims?: string }): Promise<AccessToken | null>
}

/** `DefaultAzureCredential`: environment, workload identity, managed identity, command line tools. */
export async function loadDefaultTokenSource(): Promise<TokenSource> {
  const { DefaultAzureCredential } = await import('@azure/identity')
  return renewableSource(new DefaultAzureCredential())
}

/**
 * Tokens that can be renewed before they expire. The library returns them from its cache unless the request makes claims:
 * here, that the token is valid from now on. Managed identities ignore claims, since Azure itself caches their tokens for
 * about a day and renews none earlier; command line tools reject claims.
 * https://learn.microsoft.com/en-us/entra/identity/managed-identities-azure-resources/managed-identity-best-practice-recommendations#limitation-of-using-managed-identities-for-authorization
 */
export function renewableSource(credential: IdentityCredential, now = Date.now): TokenSource {
  return {
    getToken: (scope) => credential.getToken(scope),
    async renewToken(scope) {
      const notBefore = { essential: true, value: String(Math.floor(now() / 1000)) }
      const claims = JSON.stringify({ access_token: { nbf: notBefore } })
      return await credential.getToken(scope, { claims }).catch(() => credential.getToken(scope))
    },
  }
}
