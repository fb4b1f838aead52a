import type { ContainerClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import type { HttpClient } from '../../net/http-client.ts'
import { memoize } from '../../net/memoize.ts'
import { StorageError } from './storage-error.ts'
import { createStorageTransport } from './storage-transport.ts'

/** Entra tokens of the service's identity. */
export interface StorageTokens {
  getToken(scope: string): Promise<{ token: string; expiresOnTimestamp: number } | null>
}

/** What opens the container: the key of its account, as it is now, or the identity. */
export type StorageAccess = { account: string; key(): Promise<string> } | { tokens: StorageTokens }

/** The container, opened with the current credential. */
export type Container = () => Promise<ContainerClient>

/** Three attempts in about a second, within the time limit of the operation. */
const RETRIES = { maxTries: 3, retryDelayInMs: 300, maxRetryDelayInMs: 1_000 }

/**
 * Loads the SDK, which takes a tenth of a second and 30 MiB, so only where Blob Storage is configured. Opens no connection.
 */
export async function openContainer(url: string, access: StorageAccess, connections: HttpClient): Promise<Container> {
  const sdk = await import('@azure/storage-blob')
  function connect(credential: StorageSharedKeyCredential | TokenCredential): ContainerClient {
    const pipeline = sdk.newPipeline(credential, {
      httpClient: createStorageTransport(connections, sdk.RestError),
      retryOptions: RETRIES,
      userAgentOptions: { userAgentPrefix: 'azure-image-editor-mcp' },
    })
    return new sdk.ContainerClient(url, pipeline)
  }
  if ('tokens' in access) {
    const client = connect(credentialOf(access.tokens))
    return async () => client
  }
  const clientOf = memoize((key) => connect(new sdk.StorageSharedKeyCredential(access.account, key)))
  return async () => clientOf(await access.key())
}

/** The part of the SDK's interface of that name that is used. */
interface TokenCredential {
  getToken(
    scopes: string | string[],
    options?: { abortSignal?: unknown },
  ): Promise<{ token: string; expiresOnTimestamp: number }>
}

/** The same in all clouds. The SDK would also get tokens for other services, if the storage asks for them in its 401. */
const STORAGE_SCOPE = 'https://storage.azure.com/.default'

function credentialOf(tokens: StorageTokens): TokenCredential {
  return {
    async getToken(_scopes, { abortSignal } = {}) {
      const given = tokens.getToken(STORAGE_SCOPE).catch((cause: unknown) => {
        throw noToken(cause)
      })
      const token = await (abortSignal instanceof AbortSignal ? orAborted(given, abortSignal) : given)
      if (token === null) throw noToken(undefined)
      return token
    },
  }
}

const noToken = (cause: unknown) =>
  new StorageError(
    'denied',
    'no token of the identity',
    'assign a managed or workload identity to the service, or set AZURE_STORAGE_KEY',
    { cause },
  )

/** The result, unless the signal is faster. @throws the signal's reason */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const ended = new AbortController()
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { signal: ended.signal })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    ended.abort()
  }
}
