import type { BufferPool } from '../../bytes/buffer-pool.ts'
import { ServiceError, serviceError } from '../../errors/errors.ts'
import { createImageIndex, isImageName } from '../image-index.ts'
import type { ImageSource, ImageStore, SavedImage, SaveTarget } from '../image-store.ts'
import { pageOf } from '../list-images.ts'
import { nameError, parseOutputPath } from '../output-path.ts'
import { createSave } from '../save-one.ts'
import { openStoredImage } from '../stored-image.ts'
import { createBlobFiles, namedEntries } from './blob-files.ts'
import { createBlobs } from './blobs.ts'
import type { Container } from './open-container.ts'
import { createSaveBlobs } from './save-blobs.ts'
import { toReadError, toWriteError } from './storage-error.ts'
import { createStorageHealth } from './storage-health.ts'

/*
 * Threat model of the store in Azure Blob Storage.
 *
 * Untrusted: the `output_path` and resource names of callers, and other programs that write into the container. Trusted: the
 * operator who configured the container, and Azure.
 *
 * - Names. `output-path.ts` rejects `..`, control characters and hidden files. There are no links and no folders: a name is
 *   one text, escaped as a whole.
 * - Existing blobs. An upload is one request that creates a blob or fails (`If-None-Match: *`), so nothing is overwritten and
 *   no partial file is visible. Blobs have the id of their upload in their metadata, so that the SDK's second attempt knows
 *   the blob of the first.
 * - Credentials. The key and tokens are in headers only; addresses have no query (`container-url.ts`). Errors of the SDK are
 *   reduced to words of ours before anything else sees them (`storage-error.ts`).
 */

export interface BlobImageStoreOptions {
  container: Container
  /** Of the container, without a query. */
  url: string
  /** The images folder: clients that know it may use its paths, as with a local store. */
  folder: string
  pool: BufferPool
  /** Largest file that `read` opens, in bytes; 64 MiB by default. */
  maxReadBytes?: number
}

/** Azure's limit is 1,024; a number and a corrected extension may be added. https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata */
const MAX_BLOB_NAME_LENGTH = 1_000

/** Milliseconds after which images of other processes are listed: a walk takes many requests, which Azure bills. */
const CACHE_MS = 15_000

/** Images in a container of Azure Blob Storage. */
export function createBlobImageStore(options: BlobImageStoreOptions): ImageStore {
  const { container, url, folder, pool, maxReadBytes = 67_108_864 } = options
  const health = createStorageHealth(container)
  const blobs = createBlobs(container, pool, health.doubt)
  const files = createBlobFiles(container, blobs)
  const saveBlobs = createSaveBlobs(
    container,
    blobs,
    (name) => `${url}/${name.split('/').map(encodeURIComponent).join('/')}`,
  )
  const index = createImageIndex({
    walk: () => namedEntries(container),
    maxBytes: maxReadBytes,
    filesWorthCaching: 0,
    cacheMs: CACHE_MS,
  })

  function nameOf(outputPath: string): string {
    const { folders, fileName } = parseOutputPath(outputPath, [folder])
    const name = [...folders, fileName].join('/')
    if (name.length > MAX_BLOB_NAME_LENGTH) throw nameError(`it is longer than ${MAX_BLOB_NAME_LENGTH} characters`)
    return name
  }

  async function saveSet(
    { name }: SaveTarget,
    images: readonly ImageSource[],
    signal?: AbortSignal,
  ): Promise<PromiseSettledResult<SavedImage>[]> {
    try {
      const results = await saveBlobs(name, images, signal)
      return results.map((each) => (each.status === 'fulfilled' ? each : failed(each.reason, signal)))
    } catch (error) {
      return images.map(() => failed(error, signal))
    } finally {
      index.invalidate()
    }
  }

  return {
    async resolve(outputPath) {
      return { name: nameOf(outputPath) }
    },
    save: createSave(saveSet),
    saveSet,
    async list({ cursor, limit = 100 } = {}) {
      const images = await index.files().catch((error: unknown) => {
        throw toReadError(error)
      })
      return pageOf(images, cursor, limit)
    },
    async read(name) {
      const file = isImageName(name) ? await files.open(name) : undefined
      if (file === undefined) throw serviceError('IMG_ERR_STORE_MISSING', [])
      return await openStoredImage(file, maxReadBytes).catch((cause: unknown) => {
        throw cause instanceof ServiceError ? cause : serviceError('IMG_ERR_STORE_MISSING', [], { cause })
      })
    },
    health: health.check,
    files: {
      ...files,
      async remove(name) {
        await files.remove(name)
        index.invalidate()
      },
    },
  }
}

function failed(reason: unknown, signal?: AbortSignal): PromiseRejectedResult {
  return { status: 'rejected', reason: signal?.aborted ? toWriteError(signal.reason) : toWriteError(reason) }
}
