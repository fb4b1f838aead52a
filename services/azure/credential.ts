import type { MaybePromise } from '../bytes/maybe-promise.ts'
import { readChangedKeyFile } from '../config/key-file.ts'
import { ReportedError } from '../errors/app-error.ts'
import { serviceError } from '../errors/errors.ts'
import { cachePromise } from '../net/cached-promise.ts'

/** Authenticates requests to Azure. Never logged; `secrets` are the texts that must not appear in a log. */
export interface Credential {
  /**
   * @param scope audience of a token; not used by keys
   * @throws ServiceError IMG_ERR_AZURE_TOKEN
   */
  headers(scope: string): MaybePromise<Readonly<Record<string, string>>>
  /** Azure rejected these headers. `true` if there are others now. */
  refreshCredential(scope: string, rejected: Readonly<Record<string, string>>): Promise<boolean>
  secrets(): readonly string[]
  /** Where the key of this deployment alone is read from. @throws Error if it must not be read */
  locate?: (() => string) | undefined
}

/** A fixed key. Its header works on all routes. */
export function keyCredential(key: string): Credential {
  const headers = { 'api-key': key }
  const secrets = [key]
  return {
    headers: () => headers,
    refreshCredential: async () => false,
    secrets: () => secrets,
  }
}

/**
 * A key in a file, reloaded when the file changes, since mounted secrets are rotated while the service runs.
 *
 * @param locate for the file of one deployment: returns the path to read, and throws if it must not be read; called for
 *   every read
 */
export function keyFileCredential(path: string, firstKey: string, locate?: (path: string) => string): Credential {
  let key = firstKey
  let mark: string | undefined
  async function refresh() {
    try {
      const changed = await readChangedKeyFile(locate?.(path) ?? path, mark)
      if (changed !== undefined) ({ key, mark } = changed)
    } catch {
      // The file may be missing, empty or incomplete while it is replaced. The current key may still be valid.
    }
  }
  return {
    async headers() {
      await refresh()
      return { 'api-key': key }
    },
    async refreshCredential(_scope, rejected) {
      mark = undefined
      await refresh()
      return key !== rejected['api-key']
    },
    secrets: () => [key],
    locate: locate && (() => locate(path)),
  }
}

/** A token and the `Date.now()` at which it expires. */
export interface AccessToken {
  token: string
  expiresOnTimestamp: number
}

/** Where tokens come from. */
export interface TokenSource {
  getToken(scope: string): Promise<AccessToken | null>
  /** A token that is not from a cache; absent where there is none. */
  renewToken?(scope: string): Promise<AccessToken | null>
}

/** Tokens are renewed this long before they expire, since a call may wait in the queue. */
const RENEW_BEFORE_MS = 5 * 60_000

/**
 * Entra tokens, one per scope: cached, renewed before they expire, and fetched once for concurrent calls.
 *
 * @param load returns the source; called for the first token, so that a service with a key does not load the library
 */
export function tokenCredential(load: () => Promise<TokenSource>, now = Date.now): Credential {
  const tokens = new Map<string, AccessToken>()
  const fetching = new Map<string, Promise<AccessToken>>()
  const openSource = cachePromise(load)

  async function fetchToken(scope: string, isRenewal: boolean): Promise<AccessToken> {
    try {
      const source = await openSource()
      const token = await (isRenewal && source.renewToken ? source.renewToken(scope) : source.getToken(scope))
      if (token === null) throw new ReportedError('the credential returned no token')
      if (!/^[\x21-\x7e]+$/.test(token.token)) throw new ReportedError('the credential returned no valid token')
      tokens.set(scope, token)
      return token
    } catch (cause) {
      throw serviceError('IMG_ERR_AZURE_TOKEN', [], { cause, detail: { entraCodes: entraCodes(cause) } })
    }
  }

  function newToken(scope: string, isRenewal = false): Promise<AccessToken> {
    const key = `${scope} ${isRenewal}`
    const running = fetching.get(key) ?? fetchToken(scope, isRenewal).finally(() => fetching.delete(key))
    fetching.set(key, running)
    return running
  }

  async function usableToken(scope: string): Promise<AccessToken> {
    const token = tokens.get(scope)
    if (token === undefined || token.expiresOnTimestamp <= now()) return newToken(scope)
    if (token.expiresOnTimestamp - now() > RENEW_BEFORE_MS) return token
    // Still valid, so a failed renewal is not an error.
    return newToken(scope).catch(() => token)
  }

  return {
    headers: async (scope) => ({ authorization: `Bearer ${(await usableToken(scope)).token}` }),
    async refreshCredential(scope, rejected) {
      const isRejected = ({ token }: AccessToken) => rejected.authorization === `Bearer ${token}`
      const stored = tokens.get(scope)
      // Another call may have fetched a new one meanwhile.
      if (stored !== undefined && !isRejected(stored)) return true
      tokens.delete(scope)
      return !isRejected(await newToken(scope, true))
    },
    secrets: () => [...tokens.values()].map(({ token }) => token),
  }
}

/** Deeper than chained credentials nest their errors. */
const MAX_DEPTH = 6
const MAX_CODES = 6

/**
 * The error codes of Entra. The texts around them may quote the secret.
 * https://learn.microsoft.com/entra/identity-platform/reference-error-codes
 */
function entraCodes(error: unknown): string | undefined {
  const texts = messagesOf(error, 0).join('\n')
  return [...new Set(texts.match(/\bAADSTS\d{4,8}\b/g))].slice(0, MAX_CODES).join(' ') || undefined
}

function messagesOf(error: unknown, depth: number): string[] {
  if (!(error instanceof Error) || depth === MAX_DEPTH) return []
  const nested = 'errors' in error && Array.isArray(error.errors) ? error.errors : []
  return [error.message, ...[error.cause, ...nested].flatMap((each) => messagesOf(each, depth + 1))]
}
