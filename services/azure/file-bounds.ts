import { readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path'

/** Where Docker and Kubernetes mount secrets. */
const secretFolders = ['/run/secrets', '/var/run/secrets']

/** Far more than a key has; a device or a pipe would never end. */
const MAX_KEY_BYTES = 65_536

/** The files that a deployments file may name. */
export interface FileBounds {
  /**
   * The place of a file once links are followed; a relative path begins at the folder of the deployments file.
   *
   * @throws Error with a system code, or OutOfBoundsError
   */
  locate(path: string): string
}

export class OutOfBoundsError extends Error {}

/**
 * Bounds of a deployments file: what lies below its own folder or where secrets are mounted. Such a file may come with a
 * repository, and what it names is sent to a host that it names too. Links are followed first, so that one inside the
 * folder reaches nothing outside; Kubernetes' own links stay inside.
 */
export function createFileBounds(deploymentsFile: string): FileBounds {
  const own = dirname(resolve(deploymentsFile))
  const folders = [own, ...secretFolders].flatMap(realFolder)
  return {
    locate(path) {
      const realPath = realpathSync(resolve(own, path))
      if (!folders.some((folder) => isBelow(realPath, folder))) throw new OutOfBoundsError(realPath)
      return realPath
    },
  }
}

/** Reads a key of one line. @throws Error with a system code, or RangeError that says what is wrong */
export function readKeyFile(path: string): string {
  const stats = statSync(path)
  if (!stats.isFile()) throw new RangeError('is no plain file')
  if (stats.size > MAX_KEY_BYTES) throw new RangeError('is too large for a key')
  const key = readFileSync(path, 'utf8').trim()
  if (key === '') throw new RangeError('is empty')
  if (!/^[\x21-\x7e]+$/.test(key)) throw new RangeError('holds no key: a key is one line without blanks')
  return key
}

function realFolder(folder: string): string[] {
  try {
    return [realpathSync(folder)]
  } catch {
    return []
  }
}

/** A name that begins with two dots, as those of Kubernetes do, does not climb. */
function isBelow(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}
