import { constants, type Stats } from 'node:fs'
import { codeOf } from '../../errors/error-code.ts'
import { isImageName } from '../image-index.ts'
import type { StoredEntry } from '../image-store.ts'
import type { DirectoryHandle } from './directory-handle.ts'

/** Nesting of folders that is searched. */
const MAX_DEPTH = 32

export interface FoundFile {
  directory: DirectoryHandle
  /** Relative to the store, with `/` between folders. */
  name: string
  fileName: string
}

/**
 * Every regular file of the store. Links and folders that begin with a dot are skipped.
 * @param hiddenFolders names of hidden folders in the root that are not skipped
 */
export async function* walkFiles(
  openRoot: () => Promise<DirectoryHandle>,
  hiddenFolders: readonly string[] = [],
): AsyncGenerator<FoundFile> {
  try {
    const root = await openRoot()
    try {
      yield* walk(root, hiddenFolders)
    } finally {
      await root.close()
    }
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
}

async function* walk(
  directory: DirectoryHandle,
  hiddenFolders: readonly string[],
  prefix = '',
  depth = 0,
): AsyncGenerator<FoundFile> {
  for await (const entry of directory.entries()) {
    if (entry.isFile()) yield { directory, name: prefix + entry.name, fileName: entry.name }
    const isSkipped = entry.name.startsWith('.') && !(depth === 0 && hiddenFolders.includes(entry.name))
    if (!entry.isDirectory() || isSkipped || depth === MAX_DEPTH) continue
    const inner = await directory.openDirectory(entry.name).catch(() => undefined)
    if (inner === undefined) continue
    try {
      yield* walk(inner, hiddenFolders, `${prefix}${entry.name}/`, depth + 1)
    } catch {
      // The folder was removed meanwhile, or is not readable: the others are.
    } finally {
      await inner.close()
    }
  }
}

/** The files that are images by their names. */
export async function* walkImages(openRoot: () => Promise<DirectoryHandle>): AsyncGenerator<StoredEntry> {
  for await (const found of walkFiles(openRoot)) {
    const stats = isImageName(found.name) ? await statOf(found) : undefined
    if (stats?.isFile()) yield { name: found.name, bytes: stats.size, modifiedAt: stats.mtimeMs }
  }
}

/** `undefined` if the file has been removed meanwhile. */
export async function statOf({ directory, fileName }: FoundFile): Promise<Stats | undefined> {
  return await directory.lookUp(fileName).catch(() => undefined)
}

/** Non-blocking, since opening a named pipe would wait for its writer. */
export const READ_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)
