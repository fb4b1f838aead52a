import type { JWTPayload } from 'jose'

/** Values of the header `typ`: RFC 9068's own, and what most issuers send instead, Entra among them. */
const ACCESS_TOKEN = 'at+jwt'
const GENERIC = 'jwt'

/** Claims that say what an access token grants. */
const grantClaims = ['scp', 'scope'] as const
/** Claims that name the client that an access token was issued to. Entra's are `azp`, and `appid` in version 1. */
const clientClaims = ['client_id', 'azp', 'appid', 'cid'] as const
/**
 * Claims about a user and a login. An access token may have some of them, but then also names its client or what it grants.
 * https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims, `tid`: Entra's tokens of either kind
 */
const loginClaims = [
  ...['nonce', 'auth_time', 'amr', 'acr', 'sid', 'idp', 'tid'],
  ...['name', 'given_name', 'family_name', 'nickname', 'preferred_username', 'email', 'picture', 'upn', 'unique_name'],
] as const
/** https://openid.net/specs/openid-connect-core-1_0.html#HybridIDToken, and of logout tokens `events`. */
const idTokenClaims = ['at_hash', 'c_hash', 's_hash', 'events'] as const

/**
 * Whether a token is an access token and not, for instance, an ID token: that is for the client, has the client as its audience,
 * and passes through many more hands. RFC 9068 tells them apart by `typ`; issuers that do not follow it by the claims.
 * https://www.rfc-editor.org/rfc/rfc9068#section-4, https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference
 */
export function isAccessToken(typ: unknown, claims: JWTPayload): boolean {
  const type = typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : GENERIC
  if (type === ACCESS_TOKEN) return true
  if (type !== GENERIC || (typ !== undefined && typeof typ !== 'string')) return false
  if (idTokenClaims.some((name) => name in claims) || namesAnotherUse(claims)) return false
  if (grantClaims.some((name) => name in claims)) return true
  // Only Keycloak once copied the nonce into access tokens, which have a scope.
  if ('nonce' in claims) return false
  return clientClaims.some((name) => name in claims) || !loginClaims.some((name) => name in claims)
}

/** `token_use` is Cognito's, the claim `typ` Keycloak's. */
function namesAnotherUse({ token_use: use, typ }: JWTPayload): boolean {
  const isOther = (value: unknown, ...accessTypes: string[]) =>
    value !== undefined && !(typeof value === 'string' && accessTypes.includes(value.toLowerCase()))
  return isOther(use, 'access') || isOther(typ, 'bearer', 'dpop', 'access', 'access_token', ACCESS_TOKEN, GENERIC)
}
