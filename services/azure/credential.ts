import { ReportedError } from '../errors/app-error.ts'
import { serviceError } from '../errors/errors.ts'
import { readChangedKeyFile } from './file-bounds.ts'

/** Who we are for Azure, as a header. Never logged; `secrets` are what a log must not hold. */
export interface Credential {
  /**
   * @param scope audience of a token; keys don't have one
   * @throws ServiceError IMG_ERR_AZURE_TOKEN
   */
  headers(scope: string): Promise<Record<string, string>>
  /** Azure rejected these headers. Whether other ones can be sent now. */
  refreshCredential(scope: string, rejected: Readonly<Record<string, string>>): Promise<boolean>
  secrets(): readonly string[]
}

/** A key that stays. The header works on all routes. */
export function keyCredential(key: string): Credential {
  return {
    headers: async () => ({ 'api-key': key }),
    refreshCredential: async () => false,
    secrets: () => [key],
  }
}

/**
 * A key in a file, read again when the file changes: a mounted secret is rotated under a running service.
 *
 * @param locate gives the place to read at, each time; throws where it must not be read (any more)
 */
export function keyFileCredential(
  path: string,
  firstKey: string,
  locate: (path: string) => string = (same) => same,
): Credential {
  let key = firstKey
  let mark: string | undefined
  async function refresh() {
    try {
      const changed = await readChangedKeyFile(locate(path), mark)
      if (changed !== undefined) ({ key, mark } = changed)
    } catch {
      // The file is away, empty or half written for a moment while it is replaced; the key that we have may still be good.
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
  }
}

/** A token and `Date.now()` at which it ends. */
export interface AccessToken {
  token: string
  expiresOnTimestamp: number
}

/** The part of `@azure/identity` credentials that is used. */
export interface TokenSource {
  getToken(scope: string): Promise<AccessToken | null>
}

/** Tokens are renewed this long before they end, since a call may wait in the queue. */
const renewBeforeMs = 5 * 60_000

/**
 * Entra tokens, one a scope: kept, renewed before they end, fetched once however many calls wait for it.
 *
 * @param load gives the source; called at the first token, so that a service with a key never loads the library
 */
export function tokenCredential(load: () => Promise<TokenSource>, now = Date.now): Credential {
  const tokens = new Map<string, AccessToken>()
  const fetching = new Map<string, Promise<AccessToken>>()
  let source: Promise<TokenSource> | undefined

  async function fetchToken(scope: string): Promise<AccessToken> {
    try {
      source ??= load()
      const token = await (await source).getToken(scope)
      if (token === null) throw new ReportedError('the credential gave no token')
      tokens.set(scope, token)
      return token
    } catch (cause) {
      throw serviceError('IMG_ERR_AZURE_TOKEN', [], { cause, detail: { entraCodes: entraCodes(cause) } })
    } finally {
      fetching.delete(scope)
    }
  }

  function newToken(scope: string): Promise<AccessToken> {
    const running = fetching.get(scope) ?? fetchToken(scope)
    fetching.set(scope, running)
    return running
  }

  async function usableToken(scope: string): Promise<AccessToken> {
    const token = tokens.get(scope)
    if (token === undefined || token.expiresOnTimestamp <= now()) return newToken(scope)
    if (token.expiresOnTimestamp - now() > renewBeforeMs) return token
    // Still good: try for a newer one, but don't fail over it.
    return newToken(scope).catch(() => token)
  }

  return {
    headers: async (scope) => ({ authorization: `Bearer ${(await usableToken(scope)).token}` }),
    async refreshCredential(scope, rejected) {
      const isRejected = ({ token }: AccessToken) => rejected.authorization === `Bearer ${token}`
      const stored = tokens.get(scope)
      // Another call may have got a new one meanwhile.
      if (stored !== undefined && !isRejected(stored)) return true
      tokens.delete(scope)
      return !isRejected(await newToken(scope))
    },
    secrets: () => [...tokens.values()].map(({ token }) => token),
  }
}

/** Deeper than the chain of credentials nests its errors. */
const maxDepth = 6

/**
 * The codes that say what is wrong with an identity. The sentences around them may quote the secret.
 * https://learn.microsoft.com/entra/identity-platform/reference-error-codes
 */
function entraCodes(error: unknown): string | undefined {
  const texts = messagesOf(error, 0).join('\n')
  return [...new Set(texts.match(/\bAADSTS\d{4,8}\b/g))].slice(0, maxDepth).join(' ') || undefined
}

function messagesOf(error: unknown, depth: number): string[] {
  if (!(error instanceof Error) || depth === maxDepth) return []
  const nested = 'errors' in error && Array.isArray(error.errors) ? error.errors : []
  return [error.message, ...[error.cause, ...nested].flatMap((each) => messagesOf(each, depth + 1))]
}

/** Managed identity, workload identity, environment, command line tools: whatever `DefaultAzureCredential` finds. */
export async function loadDefaultTokenSource(): Promise<TokenSource> {
  const { DefaultAzureCredential } = await import('@azure/identity')
  return new DefaultAzureCredential()
}
