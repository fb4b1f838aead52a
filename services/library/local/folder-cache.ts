import { LIBRARY_FOLDER } from '../image-store.ts'
import type { DirectoryHandle } from './directory-handle.ts'
import { openDirectory, withDirectory } from './with-directory.ts'

export interface FolderCache {
  /** Works in a folder of the store, which is created if it is missing. */
  inFolder<T>(folders: readonly string[], work: (directory: DirectoryHandle) => Promise<T>): Promise<T>
  /** Closes the open folder as soon as no work is in it. */
  close(): void
}

/** Milliseconds without use after which the folder is closed: Node fails if the garbage collector has to do it. */
const IDLE_MS = 2_000

interface OpenFolder {
  key: string
  directory: Promise<DirectoryHandle>
  /** Work in it. The last one closes the folder once it has been replaced: its descriptor may then be another file's. */
  users: number
  isReplaced: boolean
  idle?: NodeJS.Timeout
}

/**
 * Keeps the folder open to which the library's new files go: opening one level by level, without following links, takes
 * some twenty system calls. Other folders are opened each time.
 * @param root absolute path of the store
 */
export function cacheFolder(root: string): FolderCache {
  let current: OpenFolder | undefined

  function openNew(key: string, folders: readonly string[]): OpenFolder {
    const directory = openDirectory(root, folders, true)
    const folder: OpenFolder = { key, directory, users: 0, isReplaced: false }
    folder.directory.catch(() => replace(folder))
    if (current !== undefined) replace(current)
    current = folder
    return folder
  }

  function replace(folder: OpenFolder): void {
    clearTimeout(folder.idle)
    folder.isReplaced = true
    if (current === folder) current = undefined
    closeUnused(folder)
  }

  function closeWhenIdle(folder: OpenFolder): void {
    if (folder.isReplaced || folder.users > 0) return
    folder.idle ??= setTimeout(() => folder.users === 0 && replace(folder), IDLE_MS).unref()
    folder.idle.refresh()
  }

  function closeUnused({ directory, users, isReplaced }: OpenFolder): void {
    if (isReplaced && users === 0) directory.then((open) => open.close()).catch(() => {})
  }

  async function inFolder<T>(folders: readonly string[], work: (directory: DirectoryHandle) => Promise<T>): Promise<T> {
    if (folders[0] !== LIBRARY_FOLDER) return await withDirectory(root, folders, true, work)
    const key = folders.join('/')
    const folder = current?.key === key ? current : openNew(key, folders)
    folder.users++
    try {
      const directory = await folder.directory
      if (await directory.isIntact()) return await work(directory)
      // Someone moved or removed the folder.
      if (!folder.isReplaced) replace(folder)
    } finally {
      folder.users--
      closeUnused(folder)
      closeWhenIdle(folder)
    }
    return await withDirectory(root, folders, true, work)
  }

  return {
    inFolder,
    close() {
      if (current !== undefined) replace(current)
    },
  }
}
