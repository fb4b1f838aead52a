import { mimeTypeOfName } from './file-extension.ts'
import type { StoredEntry, StoredImage } from './image-store.ts'
import { newestFirst } from './list-images.ts'
import { isReadableName } from './output-path.ts'

export interface ImageIndex {
  /** The files that are images by their names, newest first. @throws what the walk throws */
  files(): Promise<readonly StoredImage[]>
  /** An image has been saved: walks that have begun may not have seen it. */
  invalidate(): void
}

/** Older files of a larger store are not listed. */
const MAX_FILES = 100_000
/** The last millisecond of the year 9999: file systems have times that no date format has. */
const MAX_TIME = 253_402_300_799_999

export interface ImageIndexOptions {
  /** Walks through the store; may leave out what `isImageName` rejects. */
  walk: () => AsyncIterable<StoredEntry>
  /** Larger files are left out. */
  maxBytes: number
  /** A store of fewer files is walked for every request, so that the files of other processes are listed at once. */
  filesWorthCaching: number
  /** Milliseconds for which a larger one is cached. */
  cacheMs: number
}

/**
 * The images of a store by their names. Requests share one walk, whatever their number: a walk of 50,000 files takes seconds,
 * and memory for each of them.
 */
export function createImageIndex(options: ImageIndexOptions): ImageIndex {
  const { walk: walkStore, maxBytes, filesWorthCaching, cacheMs } = options
  let running: Promise<readonly StoredImage[]> | undefined
  let isOutdated = false
  /** The walk after the running one, for requests that must see what was saved since it began. */
  let following: Promise<readonly StoredImage[]> | undefined
  let cached: readonly StoredImage[] | undefined

  function store(files: readonly StoredImage[]): void {
    cached = files
    setTimeout(() => {
      if (cached === files) cached = undefined
    }, cacheMs).unref()
  }

  async function walk(): Promise<readonly StoredImage[]> {
    isOutdated = false
    const walking = collect(walkStore(), maxBytes)
    running = walking
    try {
      const files = await walking
      if (files.length > filesWorthCaching && !isOutdated) store(files)
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

/** Whether a file is an image by its name, which another program may have chosen. */
export function isImageName(name: string): boolean {
  return mimeTypeOfName(name) !== undefined && isReadableName(name)
}

async function collect(entries: AsyncIterable<StoredEntry>, maxBytes: number): Promise<StoredImage[]> {
  const files: StoredImage[] = []
  for await (const { name, bytes, modifiedAt } of entries) {
    const mimeType = mimeTypeOfName(name)
    if (mimeType === undefined || !isImageName(name) || bytes === 0 || bytes > maxBytes) continue
    files.push({ name, bytes, mimeType, modifiedAt: Math.min(Math.max(0, modifiedAt), MAX_TIME) })
    if (files.length === 2 * MAX_FILES) files.sort(newestFirst).splice(MAX_FILES)
  }
  return files.sort(newestFirst).slice(0, MAX_FILES)
}
