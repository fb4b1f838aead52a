import type { ImageRecord } from '../../../schemas/image-record.ts'
import type { Logger } from '../../logging/logger.ts'
import type { RecordIndex } from './record-index.ts'

/** Records that wait for an index that cannot be reached; more are found again by its next rebuild. */
const MAX_WAITING = 10_000
const BATCH = 500
/** Milliseconds between attempts. */
const RETRY_MS = 2_000

/**
 * An index whose entries may come late: what it cannot take now waits and is found by its id meanwhile. The records in the
 * store are the truth, so that a failing index neither delays nor loses an image.
 */
export interface LateRecords extends Disposable {
  /** Never rejects. */
  put(records: readonly ImageRecord[]): Promise<void>
  get(id: string): Promise<ImageRecord | undefined>
  /** Records that are not in the index yet, of named images whose names differ from this one at most in case. */
  named(location: string): ImageRecord[]
  /** A record that must not be put into the index any more. */
  forget(id: string): void
}

export function createLateRecords(index: Pick<RecordIndex, 'put' | 'get'>, log: Logger): LateRecords {
  const waiting = new Map<string, ImageRecord>()
  let timer: NodeJS.Timeout | undefined
  let isClosed = false

  function keep(records: readonly ImageRecord[]): void {
    for (const record of records)
      if (waiting.size < MAX_WAITING || waiting.has(record.id)) waiting.set(record.id, record)
    timer ??= setTimeout(retry, RETRY_MS).unref()
  }

  async function retry(): Promise<void> {
    const batch = [...waiting.values()].slice(0, BATCH)
    try {
      await index.put(batch)
      for (const record of batch) if (waiting.get(record.id) === record) waiting.delete(record.id)
    } catch {
      // Reported when it began; the next attempt follows.
    }
    timer = waiting.size === 0 || isClosed ? undefined : setTimeout(retry, RETRY_MS).unref()
  }

  return {
    async put(records) {
      if (records.length === 0) return
      try {
        await index.put(records)
        // An earlier state that waits must not replace this one.
        for (const { id } of records) waiting.delete(id)
      } catch (err) {
        if (waiting.size === 0)
          log.warn({ err }, 'the index of images cannot be updated; new images are found by id only')
        keep(records)
      }
    },
    async get(id) {
      return waiting.get(id) ?? (await index.get(id))
    },
    named(location) {
      const name = location.toLowerCase()
      return [...waiting.values()].filter((record) => record.isNamed && record.location.toLowerCase() === name)
    },
    forget: (id) => void waiting.delete(id),
    [Symbol.dispose]() {
      isClosed = true
      clearTimeout(timer)
    },
  }
}
