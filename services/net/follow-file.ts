import { type Stats, statSync } from 'node:fs'
import { stat } from 'node:fs/promises'

/**
 * Calls `onChange` when a file was changed, replaced, removed or made since this call. It is polled, because mounted files are
 * replaced through symbolic links, which file events miss. `fs.watchFile` looks at the file a moment after it was called, and
 * never reports what changed before.
 *
 * @returns what ends it
 */
export function followFile(path: string, pollMs: number, onChange: () => void): () => void {
  let seen = firstMark(path)
  let isOpen = true
  async function check(): Promise<void> {
    const mark = await stat(path).then(markOf, () => undefined)
    if (!isOpen || mark === seen) return
    seen = mark
    onChange()
  }
  const timer = setInterval(() => void check(), pollMs).unref()
  return () => {
    isOpen = false
    clearInterval(timer)
  }
}

const markOf = ({ dev, ino, size, mtimeMs, ctimeMs }: Stats) => [dev, ino, size, mtimeMs, ctimeMs].join()

/** Undefined: there is no file that can be looked at. */
function firstMark(path: string): string | undefined {
  try {
    return markOf(statSync(path))
  } catch {
    return undefined
  }
}
