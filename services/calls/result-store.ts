import { stat } from 'node:fs/promises'
import { disposeAll } from '../bytes/base64-image.ts'
import type { Logger } from '../logging/logger.ts'
import { promoteResult, type ResultFile, readResult, removeResult, writeResult } from './result-file.ts'
import type { Result } from './result-offer.ts'

export interface ResultStoreOptions {
  folder: string
  log: Logger
  /** The wall clock, which the next process shares. */
  now: () => number
}

/** Moves results from memory to disk, and releases them when no one needs them any more. */
export interface ResultStore {
  /**
   * Writes a result whose call has ended; where nothing can be written it stays in memory. One that was written as
   * unproven becomes an abandoned one.
   */
  write(result: Result, forMs: number, isUnproven: boolean): Promise<void>
  /** One holder less. */
  drop(result: Result): void
  /** Waits until nothing is being written or removed. */
  idle(): Promise<void>
}

export function createResultStore({ folder, log, now }: ResultStoreOptions): ResultStore {
  const working = new Set<Promise<unknown>>()

  function track(work: Promise<void>): Promise<void> {
    const tracked = work
      .catch((err) => log.error({ err }, 'an abandoned result could not be stored or removed'))
      .finally(() => working.delete(tracked))
    working.add(tracked)
    return tracked
  }

  function drop(result: Result): void {
    result.holders--
    if (result.holders === 0) track(dispose(result))
  }

  async function dispose(result: Result): Promise<void> {
    const content = await result.content
    await result.writing
    if (content?.file !== undefined) await removeResult(content.file.path)
    await disposeAll(content?.images ?? [])
  }

  async function moveToDisk(result: Result, forMs: number, isUnproven: boolean): Promise<void> {
    const content = await result.content
    if (content === undefined) return
    const { texts, images, file: earlier } = content
    const { owner } = result
    const expiresAt = Math.round(now() + forMs)
    try {
      if (earlier !== undefined) {
        content.file = await promoteResult(earlier, expiresAt)
        return
      }
      const fingerprint = result.fingerprint()
      const file = await writeResult(folder, { owner, fingerprint, expiresAt, isUnproven, texts, images })
      content.images = readResult(file)
      content.file = file
      result.bytes = file.size
      await disposeAll(images)
      log.info({ bytes: file.size, images: images.length, isUnproven }, 'a result was stored for an identical call')
    } catch (err) {
      log.warn({ err, bytes: result.bytes }, 'a result could not be written to disk and stays in memory')
    }
  }

  return {
    drop,
    write(result, forMs, isUnproven) {
      result.holders++
      const work = result.writing.then(() => moveToDisk(result, forMs, isUnproven))
      result.writing = work
      return track(work.finally(() => drop(result)))
    },
    async idle() {
      while (working.size > 0) await Promise.all(working)
    },
  }
}

/** Whether a stored result is still there, whole. */
export async function isThere({ path, size }: ResultFile): Promise<boolean> {
  return await stat(path).then(
    (found) => found.size === size,
    () => false,
  )
}
