import { readFileSync, realpathSync, type Stats, statSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path'
import { AppError } from '../errors/app-error.ts'

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

export class OutOfBoundsError extends AppError {
  override name = 'OutOfBoundsError'
}

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
      const realPath = realPathOf(resolve(own, path))
      if (!folders.some((folder) => isBelow(realPath, folder))) throw new OutOfBoundsError(realPath)
      return realPath
    },
  }
}

/** Reads a key of one line. @throws Error with a system code, or RangeError that says what is wrong */
export function readKeyFile(path: string): string {
  checkKeyFile(statSync(path))
  return keyOf(readFileSync(path, 'utf8'))
}

/** The same of a file that is read again: `undefined` if its marks are those that were seen last. */
export async function readChangedKeyFile(
  path: string,
  seen: string | undefined,
): Promise<{ key: string; mark: string } | undefined> {
  const stats = await stat(path)
  checkKeyFile(stats)
  const mark = `${stats.mtimeMs} ${stats.size} ${stats.ino}`
  return mark === seen ? undefined : { key: keyOf(await readFile(path, 'utf8')), mark }
}

/** Opening a pipe would wait for its writer. */
function checkKeyFile(stats: Stats): void {
  if (!stats.isFile()) throw new RangeError('is no plain file')
  if (stats.size > MAX_KEY_BYTES) throw new RangeError('is too large for a key')
}

function keyOf(text: string): string {
  const key = text.trim()
  if (key === '') throw new RangeError('is empty')
  if (!/^[\x21-\x7e]+$/.test(key)) throw new RangeError('holds no key: a key is one line without blanks')
  return key
}

/**
 * The system's own function: Node's asks for permission to read each folder on the way, and the container grants none to
 * `/var/run`, which is a link.
 */
const realPathOf = realpathSync.native

function realFolder(folder: string): string[] {
  try {
    return [realPathOf(folder)]
  } catch {
    return []
  }
}

/** A name that begins with two dots, as those of Kubernetes do, does not climb. */
function isBelow(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}
