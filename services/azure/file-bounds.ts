import { realpathSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path'
import { checkTextFile, decodeText, readTextFile } from '../config/text-file.ts'
import { AppError, InvalidValueError } from '../errors/app-error.ts'

/** Where Docker and Kubernetes mount secrets. */
const secretFolders = ['/run/secrets', '/var/run/secrets']

/** Far longer than a key. */
const MAX_KEY_BYTES = 65_536

/** The files to which a deployments file may refer. */
export interface FileBounds {
  /**
   * The path of a file with links resolved. Relative paths start at the folder of the deployments file.
   *
   * @throws Error with a system code, or OutOfBoundsError
   */
  locate(path: string): string
}

export class OutOfBoundsError extends AppError {
  override name = 'OutOfBoundsError'
}

/**
 * Limits a deployments file to its own folder and the folders of mounted secrets. The file may come with a third-party
 * repository, and it could send any key file to any host. Links are resolved first, so that a link inside the folder
 * cannot lead outside; those of Kubernetes stay inside.
 */
export function createFileBounds(deploymentsFile: string): FileBounds {
  const own = dirname(resolve(deploymentsFile))
  const folders = [own, ...secretFolders].flatMap(realFolder)
  return {
    locate(path) {
      const realPath = realPathOf(resolve(own, path))
      if (!folders.some((folder) => isBelow(realPath, folder))) throw new OutOfBoundsError(realPath)
      return realPath
    },
  }
}

/** Reads a file with one key. @throws Error with a system code, or InvalidValueError with a reason */
export function readKeyFile(path: string): string {
  return keyOf(readTextFile(path, MAX_KEY_BYTES))
}

/** Reads the key again; `undefined` if the file has not changed since `seen`, the last `mark`. */
export async function readChangedKeyFile(
  path: string,
  seen: string | undefined,
): Promise<{ key: string; mark: string } | undefined> {
  const stats = await stat(path)
  checkTextFile(stats, MAX_KEY_BYTES)
  const mark = `${stats.mtimeMs} ${stats.size} ${stats.ino}`
  return mark === seen ? undefined : { key: keyOf(decodeText(await readFile(path))), mark }
}

function keyOf(text: string): string {
  const key = text.trim()
  if (key === '') throw new InvalidValueError('is empty')
  if (!/^[\x21-\x7e]+$/.test(key))
    throw new InvalidValueError('does not contain a key: a key is one line without spaces')
  return key
}

/**
 * The native function: Node's own needs read permission for every folder of the path, and in the container there is none
 * for `/var/run`, which is a link.
 */
const realPathOf = realpathSync.native

function realFolder(folder: string): string[] {
  try {
    return [realPathOf(folder)]
  } catch {
    return []
  }
}

/** `..data`, as Kubernetes names its folders, is not a parent. */
function isBelow(path: string, folder: string): boolean {
  const inner = relative(folder, path)
  return inner !== '' && inner !== '..' && !inner.startsWith(`..${sep}`) && !isAbsolute(inner)
}
