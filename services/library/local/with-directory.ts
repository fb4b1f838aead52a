import { codeOf } from '../../errors/error-code.ts'
import { serviceError } from '../../errors/errors.ts'
import { DirectoryHandle } from './directory-handle.ts'

/** A file by its folders and its own name. */
export interface SplitName {
  folders: readonly string[]
  fileName: string
}

/**
 * @param name relative to the store, with `/` between folders
 * @throws ServiceError `IMG_ERR_PATH_OUTSIDE` if it leads elsewhere; such a name is checked long before
 */
export function splitName(name: string): SplitName {
  const folders = name.split('/')
  if (folders.some((each) => ['', '.', '..'].includes(each))) throw serviceError('IMG_ERR_PATH_OUTSIDE', [])
  const fileName = folders.pop() ?? ''
  return { folders, fileName }
}

/**
 * Works in a folder of the store, opened level by level without following links.
 * @param create whether missing folders are created
 * @throws ServiceError `IMG_ERR_STORE_MOVED` if a folder is a link or a file by now
 */
export async function withDirectory<T>(
  root: string,
  folders: readonly string[],
  create: boolean,
  work: (directory: DirectoryHandle) => Promise<T>,
): Promise<T> {
  const directory = await openDirectory(root, folders, create)
  try {
    return await work(directory)
  } finally {
    await directory.close()
  }
}

/** A folder of the store, which the caller must close. @throws as `withDirectory` */
export async function openDirectory(
  root: string,
  folders: readonly string[],
  create: boolean,
): Promise<DirectoryHandle> {
  let directory = await DirectoryHandle.open(root, create)
  for (const name of folders) {
    const outer = directory
    directory = await openInner(outer, name, create).finally(() => outer.close())
  }
  return directory
}

async function openInner(outer: DirectoryHandle, name: string, create: boolean): Promise<DirectoryHandle> {
  try {
    return await outer.openDirectory(name, create)
  } catch (cause) {
    // The path was a folder or free when it was checked, and is a link or a file now.
    const isSwapped = ['ELOOP', 'ENOTDIR', 'EMLINK'].includes(codeOf(cause))
    throw isSwapped ? serviceError('IMG_ERR_STORE_MOVED', [], { cause }) : cause
  }
}
