import { temporaryNamePattern } from '../../bytes/durable-file.ts'
import type { DirectoryHandle } from './directory-handle.ts'
import { statOf, walkFiles } from './walk-files.ts'

/**
 * Removes temporary files of killed processes. Returns how many.
 *
 * @param olderThan milliseconds since 1970; a younger file may still be written by another replica
 */
export async function removeStaleFiles(openRoot: () => Promise<DirectoryHandle>, olderThan: number): Promise<number> {
  let removed = 0
  for await (const found of walkFiles(openRoot)) {
    if (!temporaryNamePattern.test(found.fileName)) continue
    const stats = await statOf(found)
    if (stats === undefined || stats.mtimeMs >= olderThan) continue
    await found.directory.unlink(found.fileName).then(
      () => removed++,
      () => {},
    )
  }
  return removed
}
