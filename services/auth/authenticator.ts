import { normalizeAddress, rateLimitPrefix } from '../net/ip-address.ts'
import { AccessError } from './access-error.ts'
import { type ApiKey, findApiKey } from './api-keys.ts'
import type { TokenSubject } from './tokens.ts'

/** Who calls. Kept images and log lines go by `id`, limits by what `sharedBy` makes of it. */
export interface Caller {
  /** `key:<name>`, `subject:<issuer>#<subject>` or `address:<IP>`. */
  id: string
  kind: 'key' | 'subject' | 'address' | 'process'
}

export interface Credentials {
  /** The header `Authorization`. */
  authorization: string | undefined
  /** The header `X-API-Key`. */
  apiKey: string | undefined
  /** The caller's address, proxies that are trusted taken into account. */
  address: string
}

export interface AuthenticatorOptions {
  /** Undefined: no keys are configured. */
  keys: { readonly keys: readonly ApiKey[] } | undefined
  /** Undefined: no token issuer is configured. */
  verifyToken: ((token: string) => Promise<TokenSubject>) | undefined
}

export interface Authenticator {
  /** Whether nobody needs to say who it is. */
  readonly isOpen: boolean
  /** Only a token takes time to check. @throws AccessError, or rejects with it */
  identify(credentials: Credentials): Caller | Promise<Caller>
}

const ADDRESS = 'address:'

/** Tells who calls, by key or token; with neither configured everybody is an address. */
export function createAuthenticator({ keys, verifyToken }: AuthenticatorOptions): Authenticator {
  const isOpen = keys === undefined && verifyToken === undefined
  const wanted =
    verifyToken === undefined
      ? 'Send a key as "Authorization: Bearer <key>" or "X-API-Key: <key>".'
      : 'Send an access token as "Authorization: Bearer <token>".'

  return {
    isOpen,
    identify({ authorization, apiKey, address }) {
      if (isOpen) return addressCaller(address)
      const bearer = readBearer(authorization)
      const secret = bearer ?? apiKey?.trim()
      if (secret === undefined || secret === '') throw new AccessError(401, `Who calls must say so. ${wanted}`)
      if (verifyToken !== undefined && bearer !== undefined && isToken(bearer)) {
        return verifyToken(bearer).then(({ issuer, subject }) => ({
          id: `subject:${issuer}#${subject}`,
          kind: 'subject',
        }))
      }
      const name = keys === undefined ? undefined : findApiKey(keys.keys, secret)
      if (name === undefined) throw new AccessError(401, 'The key is not known here.', { reason: 'invalid_token' })
      return { id: `key:${name}`, kind: 'key' }
    },
  }
}

/** Who calls where nobody needs to say more. */
export function addressCaller(address: string | undefined): Caller {
  return { id: ADDRESS + normalizeAddress(address), kind: 'address' }
}

/** Under which name a caller's limits are counted: whoever has one IPv6 address has a whole network of them. */
export function rateLimitKey(callerId: string): string {
  return callerId.startsWith(ADDRESS) ? ADDRESS + rateLimitPrefix(callerId.slice(ADDRESS.length)) : callerId
}

/** https://www.rfc-editor.org/rfc/rfc6750#section-2.1 */
export function readBearer(authorization: string | undefined): string | undefined {
  const scheme = authorization?.slice(0, 7).toLowerCase()
  return scheme === 'bearer ' ? authorization?.slice(7).trim() : undefined
}

/** Three parts by dots, as a signed JWT has them; a JWT of any other kind is none of ours. */
function isToken(secret: string): boolean {
  let dots = 0
  for (let at = secret.indexOf('.'); at !== -1 && dots < 3; at = secret.indexOf('.', at + 1)) dots++
  return dots === 2
}
