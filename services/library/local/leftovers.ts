import { codeOf } from '../../errors/error-code.ts'
import { DirectoryHandle } from './directory-handle.ts'

/** Milliseconds between attempts. */
const RETRY_MS = 1_000
/** More are left to the clean-up at the next start. */
const MAX_FILES = 10_000

/** Removes temporary files, later if it cannot be done at once: a disk may be read-only for a while. */
export interface Leftovers {
  remove(directory: DirectoryHandle, name: string): Promise<void>
}

export function createLeftovers(): Leftovers {
  /** Folders by the names of files in them, which are random and so are unique. */
  const folders = new Map<string, string>()

  async function retry(): Promise<void> {
    for (const [name, folder] of folders) {
      if (await isRemoved(folder, name)) folders.delete(name)
    }
    schedule()
  }

  function schedule(): void {
    if (folders.size > 0) setTimeout(retry, RETRY_MS).unref()
  }

  return {
    async remove(directory, name) {
      try {
        await directory.unlink(name)
      } catch (error) {
        if (codeOf(error) === 'ENOENT' || folders.size >= MAX_FILES) return
        folders.set(name, directory.path)
        if (folders.size === 1) schedule()
      }
    },
  }
}

async function isRemoved(folder: string, name: string): Promise<boolean> {
  try {
    const directory = await DirectoryHandle.open(folder)
    await directory.unlink(name).finally(() => directory.close())
    return true
  } catch (error) {
    return codeOf(error) === 'ENOENT'
  }
}
