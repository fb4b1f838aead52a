import { constants, type Dirent, type Stats } from 'node:fs'
import {
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  opendir,
  readlink,
  realpath,
  rename,
  stat,
  unlink,
} from 'node:fs/promises'
import path from 'node:path'
import { codeOf } from '../../errors/error-code.ts'

/** An open directory. It stays the same even if its path is replaced by another directory or a link. */
export class DirectoryHandle {
  readonly #handle: FileHandle
  readonly #name: string
  readonly #anchor: string

  private constructor(handle: FileHandle, name: string, anchor: string) {
    this.#handle = handle
    this.#name = name
    this.#anchor = anchor
  }

  /** Opens a directory by its path, following links. */
  static async open(name: string, create = false): Promise<DirectoryHandle> {
    const real = await realpath(name).catch(async (error: unknown) => {
      if (!create || codeOf(error) !== 'ENOENT') throw error
      await mkdir(name, { recursive: true })
      return realpath(name)
    })
    return DirectoryHandle.#of(await open(real, DIRECTORY_FLAGS), real)
  }

  /** Opens a directory in this one, without following a link. */
  async openDirectory(name: string, create = false): Promise<DirectoryHandle> {
    if (create) {
      await mkdir(this.#at(name)).catch((error: unknown) => {
        if (codeOf(error) !== 'EEXIST') throw error
      })
    }
    const handle = await open(this.#at(name), DIRECTORY_FLAGS)
    return DirectoryHandle.#of(handle, path.join(this.#name, name))
  }

  static async #of(handle: FileHandle, name: string): Promise<DirectoryHandle> {
    const anchor = `/proc/self/fd/${handle.fd}`
    // Checked until it is known: it does not change while the process runs.
    canAnchor ??= await isAnchor(anchor, handle)
    return new DirectoryHandle(handle, name, canAnchor === true ? anchor : name)
  }

  /** Whether names are resolved relative to the open directory, so that swapping its path has no effect. */
  get isAnchored(): boolean {
    return this.#anchor !== this.#name
  }

  #at(name: string): string {
    return `${this.#anchor}${path.sep}${name}`
  }

  /** Opens a file in this directory, without following a link. */
  openFile(name: string, flags: number, mode?: number): Promise<FileHandle> {
    return open(this.#at(name), flags | NO_FOLLOW, mode)
  }

  /** The facts of an entry of this directory, without following a link; `undefined` if there is none. */
  async lookUp(name: string): Promise<Stats | undefined> {
    return await lstat(this.#at(name)).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return undefined
      throw error
    })
  }

  /** Creates a second name for a file; fails if it exists. */
  link(from: string, to: string): Promise<void> {
    return link(this.#at(from), this.#at(to))
  }

  /** Renames within this directory; replaces an existing file. */
  rename(from: string, to: string): Promise<void> {
    return rename(this.#at(from), this.#at(to))
  }

  unlink(name: string): Promise<void> {
    return unlink(this.#at(name))
  }

  /** The entries, read in groups: a folder may have a million. */
  async *entries(): AsyncGenerator<Dirent> {
    yield* await opendir(this.#anchor, { bufferSize: 256 })
  }

  /** The path when the directory was opened; still valid if it `isIntact`. */
  get path(): string {
    return this.#name
  }

  /** Whether the path still refers to this directory. */
  async isIntact(): Promise<boolean> {
    try {
      if (this.isAnchored) return (await readlink(this.#anchor)) === this.#name
      const [open, named, real] = await Promise.all([this.#handle.stat(), stat(this.#name), realpath(this.#name)])
      return isSame(open, named) && real === this.#name
    } catch {
      return false
    }
  }

  /** Makes new names survive a power cut, where the system supports it. */
  async sync(): Promise<void> {
    await this.#handle.sync().catch(() => {})
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }
}

let canAnchor: boolean | undefined

/** Whether this system has the path of an open file; `undefined` if that could not be found out, as without descriptors. */
async function isAnchor(anchor: string, handle: FileHandle): Promise<boolean | undefined> {
  try {
    return isSame(await stat(anchor), await handle.stat())
  } catch (error) {
    return ['ENOENT', 'ENOTDIR', 'EACCES', 'ERR_ACCESS_DENIED'].includes(codeOf(error)) ? false : undefined
  }
}

const NO_FOLLOW = constants.O_NOFOLLOW ?? 0
const DIRECTORY_FLAGS = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | NO_FOLLOW

/** Whether two stats are of the same file. */
export function isSame(one: Stats, other: Stats): boolean {
  return one.ino === other.ino && one.dev === other.dev
}
