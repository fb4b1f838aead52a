import { constants, type Stats } from 'node:fs'
import { lstat, mkdir, realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Base64Image } from '../../bytes/base64-image.ts'
import { type BufferPool, createBufferPool } from '../../bytes/buffer-pool.ts'
import { type ErrorCode, ServiceError, serviceError } from '../../errors/errors.ts'
import { fitExtension } from '../file-extension.ts'
import type { ImageStore, SavedImage, SaveTarget } from '../image-store.ts'
import { nameError, parseOutputPath } from '../output-path.ts'
import { isPublished, publish, removeQuietly, retract, type TemporaryFile, writeTemporary } from './atomic-write.ts'
import { codeOf, Folder } from './directory-handle.ts'
import { listImages, openStoredImage, removeStaleFiles } from './list-images.ts'

export interface LocalImageStoreOptions {
  /** Absolute path of the folder. Made when it is needed. */
  folder: string
  /** Largest file that `read` gives, in bytes; 64 MiB by default. */
  maxReadBytes?: number
  pool?: BufferPool
  /** Milliseconds since 1970; for tests. */
  now?: () => number
}

/** Images in a folder of the local disk (or of anything that is mounted there), shared with other replicas. */
export function createLocalImageStore({
  folder: root,
  maxReadBytes = 67_108_864,
  pool = createBufferPool(),
  now = Date.now,
}: LocalImageStoreOptions): ImageStore {
  async function resolve(outputPath: string): Promise<SaveTarget> {
    const realRoot = await makeRoot(root)
    const { folders, fileName } = parseOutputPath(outputPath, [path.resolve(root), realRoot ?? root])
    if (realRoot === undefined) return { folders, fileName }
    const real = await followFolders(realRoot, folders)
    await rejectFolder(path.join(realRoot, ...real, fileName))
    // Links may lead to places that callers must not name; what the operator called the folder is no matter of theirs.
    return parseOutputPath(`./${[...real, fileName].join('/')}`, [realRoot])
  }

  return {
    resolve,
    save: (target, image) =>
      toStoreError(() => withFolders(root, target.folders, true, (folder) => saveIn(folder, target, image, pool))),
    list: ({ cursor, limit = 100 } = {}) => listImages(() => Folder.open(root), cursor, limit),
    async read(name) {
      try {
        const { folders, fileName } = await resolve(name)
        return await withFolders(root, folders, false, (folder) => readIn(folder, fileName, maxReadBytes))
      } catch (cause) {
        throw serviceError('IMG_ERR_STORE_MISSING', [], { cause })
      }
    },
    async check() {
      try {
        await withFolders(root, [], true, async (folder) => {
          await removeQuietly(folder, (await writeTemporary(folder, undefined, pool)).name)
        })
        return { isWritable: true, path: root }
      } catch (error) {
        return { isWritable: false, path: root, reason: codeOf(error) || 'unknown' }
      }
    },
    removeStale: (olderThanMs) => removeStaleFiles(() => Folder.open(root), now() - olderThanMs),
  }
}

/** The folder with its links resolved; `undefined` if there is none and it cannot be made. */
async function makeRoot(root: string): Promise<string | undefined> {
  try {
    await mkdir(root, { recursive: true })
    return await realpath(root)
  } catch {
    return undefined
  }
}

/** Where `folders` lead below `realRoot`, relative to it; those that do not exist yet stay as they are. */
async function followFolders(realRoot: string, folders: readonly string[]): Promise<string[]> {
  let current = realRoot
  for (const [index, name] of folders.entries()) {
    const next = path.join(current, name)
    if ((await statOf(lstat, next)) === undefined) return [...relativeTo(realRoot, current), ...folders.slice(index)]
    const real = await realpath(next).catch(() => undefined)
    // A link to nowhere would decide later where it leads.
    if (real === undefined || !isInside(realRoot, real)) throw serviceError('IMG_ERR_PATH_OUTSIDE', [])
    if (!(await statOf(stat, real))?.isDirectory()) throw nameError('a file stands where it needs a folder')
    current = real
  }
  return relativeTo(realRoot, current)
}

async function rejectFolder(file: string): Promise<void> {
  if ((await statOf(stat, file))?.isDirectory()) throw nameError('it names a folder; add a file name')
}

async function statOf(look: (name: string) => Promise<Stats>, name: string): Promise<Stats | undefined> {
  return look(name).catch(() => undefined)
}

function isInside(root: string, name: string): boolean {
  return name === root || name.startsWith(root.endsWith(path.sep) ? root : root + path.sep)
}

function relativeTo(root: string, name: string): string[] {
  return path.relative(root, name).split(path.sep).filter(Boolean)
}

async function withFolders<T>(
  root: string,
  names: readonly string[],
  create: boolean,
  work: (folder: Folder) => Promise<T>,
): Promise<T> {
  let folder = await Folder.open(root, create)
  try {
    for (const name of names) {
      const outer = folder
      folder = await openInner(outer, name, create)
      await outer.close()
    }
    return await work(folder)
  } finally {
    await folder.close()
  }
}

async function openInner(outer: Folder, name: string, create: boolean): Promise<Folder> {
  try {
    return await outer.folder(name, create)
  } catch (cause) {
    // What was a folder, or nothing, when the path was checked is a link or a file now.
    const isSwapped = ['ELOOP', 'ENOTDIR', 'EMLINK'].includes(codeOf(cause))
    throw isSwapped ? serviceError('IMG_ERR_STORE_MOVED', [], { cause }) : cause
  }
}

async function saveIn(folder: Folder, target: SaveTarget, image: Base64Image, pool: BufferPool): Promise<SavedImage> {
  const temporary = await writeTemporary(folder, image, pool)
  try {
    const { stem, extension } = fitExtension(target.fileName, image.mimeType)
    const wanted = stem + extension
    const fileName = await publish(folder, temporary, stem, extension)
    if (!(await isWhereItSays(folder, fileName, temporary))) {
      await retract(folder, fileName, temporary)
      throw serviceError('IMG_ERR_STORE_MOVED', [])
    }
    await folder.sync()
    return {
      path: path.join(folder.path, fileName),
      name: [...target.folders, fileName].join('/'),
      bytes: image.bytes,
      changes: [
        ...(wanted === target.fileName ? [] : ['extension' as const]),
        ...(wanted === fileName ? [] : ['taken' as const]),
      ],
    }
  } finally {
    await removeQuietly(folder, temporary.name)
  }
}

async function isWhereItSays(folder: Folder, fileName: string, temporary: TemporaryFile): Promise<boolean> {
  if (!(await folder.isIntact())) return false
  return folder.isAnchored || isPublished(folder, fileName, temporary)
}

async function readIn(folder: Folder, fileName: string, maxBytes: number): Promise<Base64Image> {
  // Without waiting: a pipe of that name would never open.
  const file = await folder.open(fileName, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    return await openStoredImage(file, maxBytes)
  } catch (error) {
    await file.close()
    throw error
  }
}

const codesByCause: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'IMG_ERR_STORE_FULL',
  EDQUOT: 'IMG_ERR_STORE_FULL',
  EFBIG: 'IMG_ERR_STORE_FULL',
  EACCES: 'IMG_ERR_STORE_UNWRITABLE',
  EPERM: 'IMG_ERR_STORE_UNWRITABLE',
  EROFS: 'IMG_ERR_STORE_UNWRITABLE',
  ENOENT: 'IMG_ERR_STORE_UNWRITABLE',
  ENOTDIR: 'IMG_ERR_STORE_UNWRITABLE',
  EEXIST: 'IMG_ERR_STORE_UNWRITABLE',
  ERR_ACCESS_DENIED: 'IMG_ERR_STORE_UNWRITABLE',
}

async function toStoreError<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof ServiceError) throw cause
    throw serviceError(codesByCause[codeOf(cause)] ?? 'IMG_ERR_STORE_FAILED', [], { cause })
  }
}
