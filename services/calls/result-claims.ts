import { randomUUID } from 'node:crypto'
import { lstat, readdir, rename, utimes } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { codeOf } from '../errors/error-code.ts'
import { RESULT_EXTENSION, type ResultFile, readFileHead, removeResult } from './result-file.ts'

/**
 * Processes may share the folder of stored results. A file is renamed before its result is delivered, so that two calls at
 * two processes never both get it. The process shows by the file's time that it is alive: the file of one that was killed is
 * on offer again.
 */
export interface ResultClaims {
  /** False: another process was faster, or the file is gone. */
  claim(file: ResultFile): Promise<boolean>
  /** Puts the file on offer again. */
  release(file: ResultFile): Promise<void>
  /** Removes the file, unless another process has it. */
  remove(file: ResultFile): Promise<void>
  /** The extension of a new file that is already claimed; to be followed by `hold`. */
  extension(): string
  /** Shows that this process still works on a claimed file. */
  hold(file: ResultFile): void
  /**
   * Results of a call that other processes stored and no one has claimed, except the known ones.
   * @param prefix called only if there are unknown files, because it hashes the images of the call
   */
  find(prefix: () => string, isKnown: (path: string) => boolean): Promise<ResultFile[]>
}

const CLAIMED = '.claimed'
const ALIVE_EVERY_MS = 5_000
/** Milliseconds after which the process of a claimed file has ended, or is of no use to its client. */
const STALE_MS = 20_000

export function createResultClaims(folder: string): ResultClaims {
  const held = new Set<ResultFile>()
  /** Files that other processes took: they may be on offer there. */
  const lost = new WeakSet<ResultFile>()
  let timer: NodeJS.Timeout | undefined

  const extension = () => `.${randomUUID()}${CLAIMED}`

  function hold(file: ResultFile): void {
    held.add(file)
    timer ??= setInterval(() => {
      for (const { path } of held) void touch(path)
    }, ALIVE_EVERY_MS).unref()
  }

  function drop(file: ResultFile): void {
    held.delete(file)
    if (held.size > 0) return
    clearInterval(timer)
    timer = undefined
  }

  async function move(file: ResultFile, to: string): Promise<boolean> {
    try {
      // Before the new name, so that it never looks stale.
      await touch(file.path)
      await rename(file.path, to)
      file.path = to
      return true
    } catch (error) {
      // In a folder that has become read-only results can still be delivered.
      return codeOf(error) !== 'ENOENT'
    }
  }

  return {
    async claim(file) {
      if (held.has(file)) return true
      if (!(await move(file, baseOf(file.path) + extension()))) {
        lost.add(file)
        return false
      }
      hold(file)
      lost.delete(file)
      // Another process may have made it an abandoned one.
      file.header = (await readFileHead(file.path))?.header ?? file.header
      return true
    },
    async release(file) {
      if (!held.has(file)) return
      drop(file)
      await move(file, baseOf(file.path) + RESULT_EXTENSION)
    },
    async remove(file) {
      const isOurs = held.has(file)
      drop(file)
      if (lost.has(file)) return
      const head = isOurs ? undefined : await readFileHead(file.path)
      // One that another process made an abandoned one is stored longer, and removed there.
      if (head === undefined || head.header.expiresAt === file.header.expiresAt) await removeResult(file.path)
    },
    extension,
    hold,
    async find(prefix, isKnown) {
      const names = await readdir(folder).catch(() => [])
      const found: ResultFile[] = []
      for (const name of names) {
        const path = join(folder, name)
        if (!mayBeOnOffer(path) || isKnown(path) || !name.startsWith(prefix()) || !(await isOnOffer(path))) continue
        const file = await readFileHead(path)
        if (file !== undefined) found.push(file)
      }
      return found
    },
  }
}

/** The same for a file while it is claimed and after. */
export function baseOf(path: string): string {
  const [name = ''] = basename(path).split('.')
  return join(dirname(path), name)
}

async function touch(path: string): Promise<void> {
  const now = new Date()
  await utimes(path, now, now).catch(() => {})
}

const mayBeOnOffer = (path: string) => path.endsWith(RESULT_EXTENSION) || path.endsWith(CLAIMED)

async function isOnOffer(path: string): Promise<boolean> {
  if (path.endsWith(RESULT_EXTENSION)) return true
  const { mtimeMs } = await lstat(path).catch(() => ({ mtimeMs: Date.now() }))
  return Date.now() - mtimeMs > STALE_MS
}
