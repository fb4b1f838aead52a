import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { ContainerClient } from '@azure/storage-blob'
import { createBufferPool } from '../../services/bytes/buffer-pool.ts'
import { createBlobImageStore } from '../../services/library/blob/blob-image-store.ts'
import { openContainer } from '../../services/library/blob/open-container.ts'
import type { ImageStore } from '../../services/library/image-store.ts'
import { createLocalImageStore } from '../../services/library/local/local-image-store.ts'
import { createHttpClient } from '../../services/net/http-client.ts'
import { AZURITE_ACCOUNT, AZURITE_KEY, type Azurite, startAzurite } from './azurite.ts'

/** An empty place for images, with what other programs see of it. */
export interface StorePlace {
  store: ImageStore
  /** The store of a second process. */
  second: ImageStore
  /** The root of absolute paths, and of locations. */
  root: string
  /** Writes as another program does. */
  put(name: string, content: Buffer | string): Promise<void>
  /** `undefined`: there is none. */
  get(name: string): Promise<Buffer | undefined>
  /** Every file, in alphabetical order. */
  names(): Promise<string[]>
}

export interface StoreKind extends AsyncDisposable {
  open(): Promise<StorePlace>
}

/** The stores under test, by name. */
export const storeKinds: Readonly<Record<string, () => Promise<StoreKind>>> = {
  'a local folder': startFolders,
  'Azure Blob Storage': startContainers,
}

async function startFolders(): Promise<StoreKind> {
  const outside = await mkdtemp(path.join(tmpdir(), 'azure-image-editor-stores-'))
  let folders = 0
  return {
    async open() {
      const root = path.join(outside, `images-${++folders}`)
      await mkdir(root)
      return {
        root,
        store: createLocalImageStore({ folder: root }),
        second: createLocalImageStore({ folder: root }),
        async put(name, content) {
          await mkdir(path.dirname(path.join(root, name)), { recursive: true })
          await writeFile(path.join(root, name), content)
        },
        get: (name) => readFile(path.join(root, name)).catch(() => undefined),
        async names() {
          const entries = await readdir(root, { recursive: true, withFileTypes: true })
          const files = entries.filter((entry) => entry.isFile())
          return files.map((entry) => path.relative(root, path.join(entry.parentPath, entry.name))).sort()
        },
      }
    },
    [Symbol.asyncDispose]: () => rm(outside, { recursive: true, force: true }),
  }
}

export interface BlobPlace extends StorePlace {
  container: ContainerClient
}

/** A store in a container, whose connections end with the process. @param url of the container, perhaps through a proxy */
export async function openBlobStore(url: string): Promise<{ store: ImageStore; container: ContainerClient }> {
  const connections = createHttpClient({ connectTimeoutMs: 30_000 })
  const container = await openContainer(url, { key: async () => AZURITE_KEY, account: AZURITE_ACCOUNT }, connections)
  return {
    container: await container(),
    store: createBlobImageStore({ container, url, folder: '/app/images', pool: createBufferPool() }),
  }
}

let containers = 0

/** An empty container. @param throughProxy rewrites the address that the store uses; other programs go directly */
export async function openBlobPlace(azurite: Azurite, throughProxy = (url: string) => url): Promise<BlobPlace> {
  const direct = await azurite.createContainer(`images-${process.pid}-${++containers}`)
  const url = throughProxy(direct)
  const [{ store }, { store: second }, { container }] = await Promise.all([
    openBlobStore(url),
    openBlobStore(url),
    openBlobStore(direct),
  ])
  return {
    store,
    second,
    root: '/app/images',
    container,
    async put(name, content) {
      const bytes = Buffer.from(content)
      await container.getBlockBlobClient(name).upload(bytes, bytes.length)
    },
    async get(name) {
      const client = container.getBlobClient(name)
      return (await client.exists()) ? await client.downloadToBuffer() : undefined
    },
    async names() {
      const found: string[] = []
      for await (const { name } of container.listBlobsFlat()) found.push(name)
      return found.sort()
    },
  }
}

async function startContainers(): Promise<StoreKind> {
  const azurite = await startAzurite()
  return {
    open: () => openBlobPlace(azurite),
    [Symbol.asyncDispose]: () => azurite[Symbol.asyncDispose](),
  }
}
