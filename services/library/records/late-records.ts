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
  /** The image is gone. Never rejects. */
  remove(id: string): Promise<void>
}

type Change = ImageRecord | 'removed'

/** @param onLate records that have waited are in the index, so that searches find them now */
export function createLateRecords(
  index: Pick<RecordIndex, 'put' | 'get' | 'remove'>,
  log: Logger,
  onLate: (records: readonly ImageRecord[]) => void = () => {},
): LateRecords {
  /** By the ids of the images. */
  const waiting = new Map<string, Change>()
  let timer: NodeJS.Timeout | undefined
  let retrying = Promise.resolve()
  let isClosed = false

  async function write(changes: Iterable<[string, Change]>): Promise<void> {
    const records: ImageRecord[] = []
    for (const [id, change] of changes) {
      if (change === 'removed') await index.remove(id)
      else records.push(change)
    }
    if (records.length > 0) await index.put(records)
  }

  function keep(changes: Iterable<[string, Change]>): void {
    for (const [id, change] of changes) {
      if (waiting.size < MAX_WAITING || waiting.has(id)) waiting.set(id, change)
    }
    schedule()
  }

  function schedule(): void {
    if (waiting.size > 0 && !isClosed) timer ??= setTimeout(() => (retrying = retry()), RETRY_MS).unref()
  }

  async function retry(): Promise<void> {
    const batch = [...waiting].slice(0, BATCH)
    try {
      await write(batch)
      for (const [id, change] of batch) if (waiting.get(id) === change) waiting.delete(id)
      onLate(batch.flatMap(([, change]) => (change === 'removed' ? [] : [change])))
    } catch {
      // Reported when it began; the next attempt follows.
    }
    timer = undefined
    schedule()
  }

  async function writeOrKeep(changes: readonly [string, Change][]): Promise<void> {
    try {
      await write(changes)
      // An earlier state that waits must not replace this one.
      for (const [id] of changes) waiting.delete(id)
    } catch (err) {
      if (waiting.size === 0)
        log.warn({ err }, 'the index of images cannot be updated; new images are found by id only')
      keep(changes)
    }
  }

  return {
    async put(records) {
      if (records.length > 0) await writeOrKeep(records.map((record) => [record.id, record]))
    },
    async get(id) {
      const late = waiting.get(id)
      return late === 'removed' ? undefined : (late ?? (await index.get(id)))
    },
    named(location) {
      const name = location.toLowerCase()
      const records = [...waiting.values()].filter((change) => change !== 'removed')
      return records.filter((record) => record.isNamed && record.location.toLowerCase() === name)
    },
    async remove(id) {
      waiting.delete(id)
      // An attempt that has begun may be adding the record.
      await retrying
      await writeOrKeep([[id, 'removed']])
    },
    [Symbol.dispose]() {
      isClosed = true
      clearTimeout(timer)
    },
  }
}
