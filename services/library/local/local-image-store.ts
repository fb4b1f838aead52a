import { statfs } from 'node:fs/promises'
import type { Base64Image } from '../../bytes/base64-image.ts'
import { type BufferPool, createBufferPool } from '../../bytes/buffer-pool.ts'
import { TEMPORARY_STALE_MS } from '../../bytes/durable-file.ts'
import { unwritableHint } from '../../config/permission-flags.ts'
import { codeOf } from '../../errors/error-code.ts'
import { serviceError } from '../../errors/errors.ts'
import type { Logger } from '../../logging/logger.ts'
import { cachePromise } from '../../net/cached-promise.ts'
import { createImageIndex } from '../image-index.ts'
import type { ImageSource, ImageStore, SavedImage, SaveTarget, StoreHealth } from '../image-store.ts'
import { pageOf } from '../list-images.ts'
import { createSave } from '../save-one.ts'
import { openStoredImage } from '../stored-image.ts'
import { writeTemporary } from './atomic-write.ts'
import { DirectoryHandle } from './directory-handle.ts'
import { createLeftovers } from './leftovers.ts'
import { createLocalFiles, openLocalFile } from './local-files.ts'
import { resolveTarget } from './resolve-target.ts'
import { createSaveImages } from './save-images.ts'
import { removeStaleFiles } from './stale-files.ts'
import { isDiskFull, toStoreError } from './store-error.ts'
import { READ_FLAGS, walkImages } from './walk-files.ts'
import { splitName, withDirectory } from './with-directory.ts'

/*
 * Threat model of the local store.
 *
 * Untrusted: the `output_path` and resource names of callers, and other users that can write into the images folder of a
 * shared mount. Trusted: the operator who configured the folder, and its path.
 *
 * - Names. `output-path.ts` rejects `..`, absolute paths elsewhere, control characters, Windows device names and hidden
 *   files. `resolve-target.ts` follows links of existing folders and rejects those that lead out of the store.
 * - Swapped folders. Between check and write, a folder may be replaced by a link. On Linux every operation therefore goes
 *   through `/proc/self/fd` of a directory that was opened without following links (`directory-handle.ts`), so a swap has
 *   no effect on it. Elsewhere, and under Node's permission model, which knows only paths, the path is compared with the
 *   open directory before and after the write. A swap between that check and the next step goes unnoticed there.
 * - Existing files. A file appears under its name only when it is complete, by a hard link or by renaming over an empty
 *   file created exclusively (`atomic-write.ts`), so nothing is overwritten and no partial file is visible. If the folder
 *   was moved meanwhile, the file is removed again and the call reports that the image was not saved.
 * - Reading. Only regular files are opened, without following links and without blocking on pipes.
 */

export interface LocalImageStoreOptions {
  /** Absolute path of the folder, created when needed. */
  folder: string
  /** Largest file that `read` opens, in bytes; 64 MiB by default. */
  maxReadBytes?: number
  pool?: BufferPool
  /** Milliseconds since 1970; for tests. */
  now?: () => number
}

export interface LocalImageStore extends ImageStore {
  /** Removes temporary files that a killed process left behind. Returns how many. */
  removeStaleFiles(olderThanMs: number): Promise<number>
  /** Closes what is open between calls. */
  close(): void
}

/** The health check writes to the disk, and unauthenticated clients can trigger it. */
const HEALTH_TTL_MS = 5_000

/** A walk of so many files is noticed by clients. */
const FILES_WORTH_CACHING = 1000
const CACHE_MS = 5_000

/** Creates the store, cleans it up, and warns if it is unwritable or full: images are then returned but not saved. */
export async function openLocalImageStore(options: LocalImageStoreOptions, log: Logger): Promise<LocalImageStore> {
  const store = createLocalImageStore(options)
  const { isWritable, isFull, fault: code, reason, hint } = await store.health()
  if (isWritable) {
    const removed = await store.removeStaleFiles(TEMPORARY_STALE_MS)
    if (removed > 0) log.info({ removed }, 'stale temporary files removed')
  } else {
    log.warn(
      { code, IMAGES_DIR: options.folder, reason },
      `images folder is not writable, images are returned but not saved, library, jobs and links are off until a restart; ${hint}`,
    )
  }
  if (isWritable && isFull) {
    log.warn(
      { code, IMAGES_DIR: options.folder },
      'images folder has no room for an image, images may not be saved; make room',
    )
  }
  return store
}

/** Images in a folder of the local disk or of a mounted file system, shared with other replicas. */
export function createLocalImageStore({
  folder: root,
  maxReadBytes = 67_108_864,
  pool = createBufferPool(),
  now = Date.now,
}: LocalImageStoreOptions): LocalImageStore {
  const openRoot = () => DirectoryHandle.open(root)
  const leftovers = createLeftovers()
  const saveImages = createSaveImages(pool, leftovers)
  const files = createLocalFiles(root, pool, leftovers)
  const index = createImageIndex({
    walk: () => walkImages(openRoot),
    maxBytes: maxReadBytes,
    filesWorthCaching: FILES_WORTH_CACHING,
    cacheMs: CACHE_MS,
  })

  async function saveSet(
    { name }: SaveTarget,
    images: readonly ImageSource[],
    signal?: AbortSignal,
  ): Promise<PromiseSettledResult<SavedImage>[]> {
    const { folders, fileName: requestedName } = splitName(name)
    try {
      const results = await withDirectory(root, folders, true, (directory) =>
        saveImages({ directory, folders, requestedName }, images, signal),
      )
      return results.map((each) => (each.status === 'fulfilled' ? each : failed(each.reason)))
    } catch (error) {
      return images.map(() => failed(error))
    } finally {
      index.invalidate()
    }
  }

  async function read(name: string): Promise<Base64Image> {
    // A name may begin like a path of another kind, such as ~.
    const { folders, fileName } = await resolveTarget(root, `./${name}`)
    return await withDirectory(root, folders, false, (directory) => readIn(directory, fileName, maxReadBytes))
  }

  /** @throws ServiceError `IMG_ERR_STORE_UNREADABLE` */
  async function checkReadable(): Promise<void> {
    try {
      await (await openRoot()).close()
    } catch (cause) {
      if (codeOf(cause) !== 'ENOENT') throw serviceError('IMG_ERR_STORE_UNREADABLE', [], { cause })
    }
  }

  async function checkHealth(): Promise<StoreHealth> {
    try {
      await withDirectory(root, [], true, async (directory) => {
        await leftovers.remove(directory, (await writeTemporary(directory, undefined, pool, leftovers)).name)
      })
      return (await hasRoom(root)) ? { isWritable: true } : { isWritable: true, ...full }
    } catch (error) {
      const failure = { isWritable: false, reason: codeOf(error) || 'unknown', hint: unwritableHint(error) }
      return isDiskFull(error) ? { ...failure, ...full } : { ...failure, fault: 'IMG_ERR_STORE_UNWRITABLE' }
    }
  }

  return {
    async resolve(outputPath) {
      const { folders, fileName } = await resolveTarget(root, outputPath)
      return { name: [...folders, fileName].join('/') }
    },
    save: createSave(saveSet),
    saveSet,
    async list({ cursor, limit = 100 } = {}) {
      const images = await index.files().catch((cause: unknown) => {
        throw serviceError('IMG_ERR_STORE_UNREADABLE', [], { cause })
      })
      return pageOf(images, cursor, limit)
    },
    async read(name) {
      try {
        return await read(name)
      } catch (cause) {
        await checkReadable()
        throw serviceError('IMG_ERR_STORE_MISSING', [], { cause })
      }
    },
    health: cachePromise(checkHealth, HEALTH_TTL_MS),
    files,
    close: () => files.close(),
    removeStaleFiles: (olderThanMs) => removeStaleFiles(openRoot, now() - olderThanMs),
  }
}

const full = { isFull: true, fault: 'IMG_ERR_STORE_FULL' } as const

/** Bytes of a usual image; the largest have eight times as many. */
const IMAGE_BYTES = 4_194_304

async function hasRoom(folder: string): Promise<boolean> {
  // Some file systems do not tell.
  const disk = await statfs(folder).catch(() => undefined)
  return disk === undefined || disk.blocks === 0 || disk.bavail * disk.bsize >= IMAGE_BYTES
}

async function readIn(directory: DirectoryHandle, fileName: string, maxBytes: number): Promise<Base64Image> {
  const file = await openLocalFile(await directory.openFile(fileName, READ_FLAGS))
  if (file === undefined) throw new Error('not a regular file')
  return await openStoredImage(file, maxBytes)
}

function failed(reason: unknown): PromiseRejectedResult {
  return { status: 'rejected', reason: toStoreError(reason) }
}
