import { setTimeout as pause } from 'node:timers/promises'
import type { BufferPool } from '../bytes/buffer-pool.ts'
import type { Config } from '../config/config.ts'
import { isStorageKey } from '../config/container-url.ts'
import { readChangedKeyFile } from '../config/key-file.ts'
import type { Secret } from '../config/secret.ts'
import type { Logger } from '../logging/logger.ts'
import { cachePromise } from '../net/cached-promise.ts'
import { createHttpClient, type HttpClientOptions } from '../net/http-client.ts'
import { createBlobImageStore } from './blob/blob-image-store.ts'
import { openContainer, type StorageAccess, type StorageTokens } from './blob/open-container.ts'
import type { ImageStore } from './image-store.ts'
import { openLocalImageStore } from './local/local-image-store.ts'

export interface OpenStoreOptions {
  library: Pick<Config['library'], 'folder' | 'storage'>
  pool: BufferPool
  /** Of the connections to Azure Blob Storage. */
  connections: HttpClientOptions
  /** The identity, if it is needed. */
  loadTokens: () => Promise<StorageTokens>
  log: Logger
}

/** Milliseconds after which closing no longer waits for open transfers. */
const CLOSE_MS = 1_000

export interface OpenStore {
  store: ImageStore
  /** Ends the connections. */
  close(): Promise<void>
}

/** Opens the configured store, and warns if it is unwritable: images are then returned but not saved. */
export async function openStore(options: OpenStoreOptions): Promise<OpenStore> {
  const { library, pool, log } = options
  const { folder, storage } = library
  if (storage === undefined) {
    const store = await openLocalImageStore({ folder, pool }, log)
    return { store, close: async () => store.close() }
  }
  const connections = createHttpClient(options.connections)
  const container = await openContainer(storage.url, accessOf(storage, options.loadTokens), connections)
  const store = createBlobImageStore({ container, url: storage.url, folder, pool })
  const { isWritable, fault: code, reason, hint } = await store.health()
  if (!isWritable) {
    log.warn(
      { code, AZURE_STORAGE_URL: storage.url, reason },
      `storage container is not writable, images are returned but not saved; ${hint}`,
    )
  }
  return { store, close: () => Promise.race([connections.close(), pause(CLOSE_MS, undefined, { ref: false })]) }
}

function accessOf(
  { key, account }: NonNullable<Config['library']['storage']>,
  load: () => Promise<StorageTokens>,
): StorageAccess {
  if (key !== undefined) return { account, key: currentKey(key) }
  const loaded = cachePromise(load)
  return { tokens: { getToken: async (scope) => (await loaded()).getToken(scope) } }
}

/** A key in a file is read again when the file changes: mounted secrets are rotated while the service runs. */
function currentKey(secret: Secret): () => Promise<string> {
  const { file } = secret
  let key = secret.reveal()
  let mark: string | undefined
  return async () => {
    if (file === undefined) return key
    // The file may be missing or incomplete while it is replaced. The current key may still be valid.
    const changed = await readChangedKeyFile(file, mark).catch(() => undefined)
    if (changed !== undefined && isStorageKey(changed.key)) ({ key, mark } = changed)
    return key
  }
}
