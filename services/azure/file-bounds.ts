import { realpathSync } from 'node:fs'
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path'
import { AppError } from '../errors/app-error.ts'

/** Where Docker and Kubernetes mount secrets. */
const secretFolders = ['/run/secrets', '/var/run/secrets']

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
