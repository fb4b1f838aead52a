import type { Stats } from 'node:fs'
import { lstat, mkdir, realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import { serviceError } from '../../errors/errors.ts'
import { nameError, parseOutputPath, type RelativePath } from '../output-path.ts'

/**
 * The folders and file name of an `output_path`, with the links of existing folders resolved. Creates the root folder
 * only.
 * @throws ServiceError `IMG_ERR_PATH_NAME`, `IMG_ERR_PATH_OUTSIDE`
 */
export async function resolveTarget(root: string, outputPath: string): Promise<RelativePath> {
  const realRoot = await createRoot(root)
  const parsed = parseOutputPath(outputPath, [path.resolve(root), realRoot ?? root])
  if (realRoot === undefined) return parsed
  const folders = await followFolders(realRoot, parsed.folders)
  if ((await statOf(stat, path.join(realRoot, ...folders, parsed.fileName)))?.isDirectory()) {
    throw nameError('it names a folder; add a file name')
  }
  // A link may lead to a name that callers must not use. The root's own path is exempt, since the operator chose it.
  return parseOutputPath(`./${[...folders, parsed.fileName].join('/')}`, [realRoot])
}

/** The root with links resolved; `undefined` if it does not exist and cannot be created. */
async function createRoot(root: string): Promise<string | undefined> {
  try {
    return await realpath(root).catch(async () => {
      await mkdir(root, { recursive: true })
      return await realpath(root)
    })
  } catch {
    return undefined
  }
}

/** Where `folders` lead below `realRoot`, relative to it; folders that do not exist yet are not changed. */
async function followFolders(realRoot: string, folders: readonly string[]): Promise<string[]> {
  let current = realRoot
  for (const [index, name] of folders.entries()) {
    const next = path.join(current, name)
    if ((await statOf(lstat, next)) === undefined) return [...relativeTo(realRoot, current), ...folders.slice(index)]
    const real = await realpath(next).catch(() => undefined)
    // A dangling link could lead anywhere later.
    if (real === undefined || !isInside(realRoot, real)) throw serviceError('IMG_ERR_PATH_OUTSIDE', [])
    if (!(await statOf(stat, real))?.isDirectory()) throw nameError('one of its folders is a file')
    current = real
  }
  return relativeTo(realRoot, current)
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
