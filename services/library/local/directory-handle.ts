import { constants, type Dirent, type Stats } from 'node:fs'
import { type FileHandle, link, mkdir, open, readdir, readlink, realpath, rename, stat, unlink } from 'node:fs/promises'
import path from 'node:path'

/**
 * A folder that was opened, and stays the one that was opened even if its name is given to another folder or to a link.
 *
 * On Linux everything goes through `/proc/self/fd`, where the open folder itself is the starting point, so nothing can
 * be swapped in between. Elsewhere (and under Node's permission model, which sees paths only) names are used; `isIntact`
 * then compares the name with the open folder, and between that look and the next step a swap by somebody who can
 * already write into the images folder goes unseen.
 */
export class Folder {
  readonly #handle: FileHandle
  readonly #name: string
  readonly #anchor: string

  private constructor(handle: FileHandle, name: string, anchor: string) {
    this.#handle = handle
    this.#name = name
    this.#anchor = anchor
  }

  /** Opens a folder by its path, whose links are followed. */
  static async open(name: string, create = false): Promise<Folder> {
    const real = await realpath(name).catch(async (error: unknown) => {
      if (!create || codeOf(error) !== 'ENOENT') throw error
      await mkdir(name, { recursive: true })
      return realpath(name)
    })
    return Folder.#of(await open(real, folderFlags), real)
  }

  /** Opens a folder in this one, never through a link. */
  async folder(name: string, create = false): Promise<Folder> {
    if (create) {
      await mkdir(this.#at(name)).catch((error: unknown) => {
        if (codeOf(error) !== 'EEXIST') throw error
      })
    }
    const handle = await open(this.#at(name), folderFlags)
    return Folder.#of(handle, path.join(this.#name, name))
  }

  static async #of(handle: FileHandle, name: string): Promise<Folder> {
    const anchor = `/proc/self/fd/${handle.fd}`
    // What the system offers does not change while the process runs.
    canAnchor ??= Promise.all([stat(anchor), handle.stat()]).then(
      ([one, other]) => isSame(one, other),
      () => false,
    )
    return new Folder(handle, name, (await canAnchor) ? anchor : name)
  }

  /** Whether names are looked up in the open folder itself, so that no swap can lead elsewhere. */
  get isAnchored(): boolean {
    return this.#anchor !== this.#name
  }

  #at(name: string): string {
    return `${this.#anchor}${path.sep}${name}`
  }

  /** Opens a file in this folder, never through a link. */
  open(name: string, flags: number, mode?: number): Promise<FileHandle> {
    return open(this.#at(name), flags | noFollow, mode)
  }

  /** Gives a file of this folder a second name in it; fails if that exists. */
  link(from: string, to: string): Promise<void> {
    return link(this.#at(from), this.#at(to))
  }

  /** Renames within this folder; replaces what is there. */
  rename(from: string, to: string): Promise<void> {
    return rename(this.#at(from), this.#at(to))
  }

  unlink(name: string): Promise<void> {
    return unlink(this.#at(name))
  }

  entries(): Promise<Dirent[]> {
    return readdir(this.#anchor, { withFileTypes: true })
  }

  /** Where the folder was when it was opened; still is, if it `isIntact`. */
  get path(): string {
    return this.#name
  }

  /** Whether the folder is still found under its path. */
  async isIntact(): Promise<boolean> {
    try {
      if (this.isAnchored) return (await readlink(this.#anchor)) === this.#name
      const [open, named, real] = await Promise.all([this.#handle.stat(), stat(this.#name), realpath(this.#name)])
      return isSame(open, named) && real === this.#name
    } catch {
      return false
    }
  }

  /** Makes new names in it survive a power cut, where the system lets us. */
  async sync(): Promise<void> {
    await this.#handle.sync().catch(() => {})
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }
}

let canAnchor: Promise<boolean> | undefined

const noFollow = constants.O_NOFOLLOW ?? 0
const folderFlags = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | noFollow

/** Whether two looks saw the same file. */
export function isSame(one: Stats, other: Stats): boolean {
  return one.ino === other.ino && one.dev === other.dev
}

/** The system's code of an error (`ENOENT`), or an empty text. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
