import { mimeTypeOfName } from '../file-extension.ts'
import type { StoredImage } from '../image-store.ts'
import { isReadableName } from '../output-path.ts'
import type { DirectoryHandle } from './directory-handle.ts'
import { newestFirst } from './list-images.ts'
import { statOf, walkFiles } from './walk-files.ts'

export interface ImageIndex {
  /** The files that are images by their names, newest first. @throws the error of the system if the folder cannot be read */
  files(): Promise<readonly StoredImage[]>
  /** An image has been saved: walks that have begun may not have seen it. */
  invalidate(): void
}

/** Older files of a larger folder are not listed. */
const MAX_FILES = 100_000
/** The last millisecond of the year 9999: file systems have times that no date format has. */
const MAX_TIME = 253_402_300_799_999
/** A folder of fewer files is walked for every request, so that the files of other processes are listed at once. */
const FILES_WORTH_CACHING = 1000
const CACHE_MS = 5000

/**
 * The files of the images folder. Requests share one walk, whatever their number: a walk of 50,000 files takes seconds, and
 * memory for each of them.
 * @param openRoot opens the images folder @param maxBytes larger files are left out
 */
export function createImageIndex(openRoot: () => Promise<DirectoryHandle>, maxBytes: number): ImageIndex {
  let running: Promise<readonly StoredImage[]> | undefined
  let isOutdated = false
  /** The walk after the running one, for requests that must see what was saved since it began. */
  let following: Promise<readonly StoredImage[]> | undefined
  let cached: readonly StoredImage[] | undefined

  function store(files: readonly StoredImage[]): void {
    cached = files
    setTimeout(() => {
      if (cached === files) cached = undefined
    }, CACHE_MS).unref()
  }

  async function walk(): Promise<readonly StoredImage[]> {
    isOutdated = false
    const walking = collect(openRoot, maxBytes)
    running = walking
    try {
      const files = await walking
      if (files.length > FILES_WORTH_CACHING && !isOutdated) store(files)
      return files
    } finally {
      if (running === walking) running = undefined
    }
  }

  async function walkNext(earlier: Promise<unknown>): Promise<readonly StoredImage[]> {
    await earlier.catch(() => {})
    following = undefined
    return await walk()
  }

  return {
    async files() {
      if (cached !== undefined) return cached
      if (running === undefined) return await walk()
      if (isOutdated) following ??= walkNext(running)
      return await (following ?? running)
    },
    invalidate() {
      cached = undefined
      isOutdated = true
    },
  }
}

async function collect(openRoot: () => Promise<DirectoryHandle>, maxBytes: number): Promise<StoredImage[]> {
  const files: StoredImage[] = []
  for await (const found of walkFiles(openRoot)) {
    const { name } = found
    const mimeType = mimeTypeOfName(name)
    if (mimeType === undefined || !isReadableName(name)) continue
    const stats = await statOf(found)
    if (stats === undefined || !stats.isFile() || stats.size === 0 || stats.size > maxBytes) continue
    files.push({ name, bytes: stats.size, mimeType, modifiedAt: Math.min(Math.max(0, stats.mtimeMs), MAX_TIME) })
    if (files.length === 2 * MAX_FILES) files.sort(newestFirst).splice(MAX_FILES)
  }
  return files.sort(newestFirst).slice(0, MAX_FILES)
}
