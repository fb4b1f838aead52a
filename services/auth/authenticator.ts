import { normalizeAddress, rateLimitPrefix } from '../net/ip-address.ts'
import { memoize } from '../net/memoize.ts'
import { AccessError } from './access-error.ts'
import { type ApiKey, findApiKey } from './api-keys.ts'
import type { TokenSubject } from './tokens.ts'

export interface Caller {
  /** `key:<name>`, `subject:<issuer>#<subject>` or `address:<IP>`: stored results and log lines name it. */
  readonly id: string
  /** What limits are counted by: the id, or the prefix of an address. */
  readonly rateLimitKey: string
  /** Whether only an address is known, which several clients may share. */
  readonly isAnonymous: boolean
}

export interface Credentials {
  /** The header `Authorization`. */
  authorization: string | undefined
  /** The header `X-API-Key`, or `api-key`. */
  apiKey: string | undefined
  /** The client's address, trusted proxies taken into account. */
  address: string
}

export interface AuthenticatorOptions {
  /** Undefined: no keys are configured. */
  keys: { readonly keys: readonly ApiKey[] } | undefined
  /** Undefined: no token issuer is configured. */
  verifyToken: ((token: string) => Promise<TokenSubject>) | undefined
}

export interface Authenticator {
  /** Whether neither keys nor tokens are configured, so that every client may call. */
  readonly isOpen: boolean
  /** Synchronous except for tokens, because every request passes here. @throws AccessError, or rejects with it */
  identify(credentials: Credentials): Caller | Promise<Caller>
}

/** Identifies callers by key or token; where neither is configured, by address. */
export function createAuthenticator({ keys, verifyToken }: AuthenticatorOptions): Authenticator {
  const isOpen = keys === undefined && verifyToken === undefined
  const hint =
    verifyToken === undefined
      ? 'send a key as "Authorization: Bearer <key>" or "X-API-Key: <key>"'
      : 'send an access token as "Authorization: Bearer <token>"'

  return {
    isOpen,
    identify({ authorization, apiKey, address }) {
      if (isOpen) return addressCaller(address)
      const bearer = readBearer(authorization)
      const secret = bearer ?? apiKey
      if (secret === undefined || secret === '') throw new AccessError(401, `Authentication required: ${hint}.`)
      if (verifyToken !== undefined && bearer !== undefined && isToken(bearer)) {
        return verifyToken(bearer).then(({ issuer, subject }) => authenticatedCaller(`subject:${issuer}#${subject}`))
      }
      const name = keys === undefined ? undefined : findApiKey(keys.keys, secret)
      if (name === undefined) throw new AccessError(401, 'Invalid API key.', { reason: 'invalid_token' })
      return authenticatedCaller(`key:${name}`)
    },
  }
}

/** Whether a person can prove to be this caller, by typing its key. */
export const hasApiKey = ({ id }: Pick<Caller, 'id'>): boolean => id.startsWith('key:')

function authenticatedCaller(id: string): Caller {
  return { id, rateLimitKey: id, isAnonymous: false }
}

/** A caller without credentials. */
export function addressCaller(address: string | undefined): Caller {
  return callerOf(address ?? '')
}

const callerOf = memoize(
  (address): Caller => ({
    id: `address:${normalizeAddress(address)}`,
    rateLimitKey: `address:${rateLimitPrefix(address)}`,
    isAnonymous: true,
  }),
)

/** https://www.rfc-editor.org/rfc/rfc6750#section-2.1 */
export function readBearer(authorization: string | undefined): string | undefined {
  const scheme = authorization?.slice(0, 7).toLowerCase()
  return scheme === 'bearer ' ? authorization?.slice(7).trim() : undefined
}

/** Three parts separated by dots, as in a signed JWT; other kinds of JWT are not accepted. */
function isToken(secret: string): boolean {
  let dots = 0
  for (let at = secret.indexOf('.'); at !== -1 && dots < 3; at = secret.indexOf('.', at + 1)) dots++
  return dots === 2
}
