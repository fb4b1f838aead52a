import type { IncomingHttpHeaders } from 'node:http'
import { noToken, wrongKey } from './azure-error.ts'
import type { Dialect } from './models.ts'

export interface EntraOptions {
  /** Accepted audiences, compared without a trailing slash. Default: both of Azure's. */
  audiences?: readonly string[]
  /** Clock in milliseconds since the epoch. */
  now?: () => number
}

/** The credential of a call; `index` is the key's position in the list. */
export type Credential = { kind: 'api-key' | 'bearer-key'; index: number } | { kind: 'entra'; audience: string }

const defaultAudiences = ['https://cognitiveservices.azure.com', 'https://ai.azure.com']
const bare = (audience: string): string => audience.replace(/\/$/, '')

/**
 * Checks the credential as Azure does: a missing credential or bad token gets the 401 without `error`, a wrong key the other
 * 401. Token signatures are not checked, since no tenant has signed them.
 * @throws AzureError 401
 */
export function checkAccess(
  headers: IncomingHttpHeaders,
  dialect: Dialect,
  keys: readonly string[],
  entra: EntraOptions | false,
): Credential {
  const key = headers['api-key']
  if (typeof key === 'string') {
    const index = keys.indexOf(key)
    if (index === -1) throw wrongKey()
    return { kind: 'api-key', index }
  }
  const bearer = /^bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
  if (bearer === undefined) throw noToken()
  // The MAI route is documented with the api-key header and Entra tokens only.
  const index = dialect === 'mai' ? -1 : keys.indexOf(bearer)
  if (index !== -1) return { kind: 'bearer-key', index }
  if (entra === false) throw noToken()
  const { aud, exp } = readClaims(bearer)
  const accepted = (entra.audiences ?? defaultAudiences).map(bare)
  const now = (entra.now ?? Date.now)()
  if (typeof aud !== 'string' || !accepted.includes(bare(aud)) || typeof exp !== 'number' || exp * 1000 <= now)
    throw noToken()
  return { kind: 'entra', audience: aud }
}

function readClaims(token: string): { aud?: unknown; exp?: unknown } {
  const parts = token.split('.')
  try {
    const claims: unknown = JSON.parse(Buffer.from(parts[1] ?? '', 'base64url').toString())
    return parts.length === 3 && typeof claims === 'object' && claims !== null ? claims : {}
  } catch {
    return {}
  }
}

/** A token as Entra would issue it, except for the signature. `expiresInSeconds` may be negative. */
export function makeEntraToken({
  audience = 'https://cognitiveservices.azure.com',
  expiresInSeconds = 3600,
} = {}): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const issued = Math.floor(Date.now() / 1000)
  return [
    part({ alg: 'RS256', typ: 'JWT' }),
    part({ aud: audience, iat: issued, exp: issued + expiresInSeconds, oid: 'simulated' }),
    'c2ltdWxhdGVk',
  ].join('.')
}
