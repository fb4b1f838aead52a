import { setTimeout as pause } from 'node:timers/promises'
import { reasonIn } from '../../errors/reason.ts'
import type { Logger } from '../../logging/logger.ts'
import { importRecords, type Stored } from './reindex.ts'
import { applyRetention, type RetentionLimits } from './retention.ts'

export interface MaintenanceOptions extends Stored {
  limits: RetentionLimits
  /** How often records of other processes are looked for, in milliseconds; 0 if they write to the same index. */
  importEveryMs: number
  /** Bytes of the unnamed images, whenever they have been counted. */
  onBytes(bytes: number): void
  log: Logger
}

/** What the library does beside its calls: fills the index, and removes what is too old or too much. */
export interface Maintenance extends AsyncDisposable {
  /** Images have been stored. @param bytes of the unnamed ones */
  added(bytes: number): void
  /** The index lacks records: they are imported soon. */
  importSoon(): void
}

const RETENTION_EVERY_MS = 60_000
/** Shorter than this, counting would be a load of its own. */
const MIN_PAUSE_MS = 1_000
const MAX_PAUSE_MS = 60_000
/** In a row, so that another replica gets its turn and a transaction stays short. */
const MAX_REMOVALS = 200

/** Starts at once: the process may have been killed, or the index restored, or other replicas may have saved images. */
export function startMaintenance(options: MaintenanceOptions): Maintenance {
  const { index, limits, importEveryMs, onBytes, log } = options
  const stop = new AbortController()
  const { signal } = stop
  let isImportDue = true
  let isRetentionDue = true
  let bytes = 0
  let wake = () => {}

  /** @returns whether it is done */
  async function importNow(): Promise<void> {
    isImportDue = false
    const { imported, invalid } = await importRecords(options, { isComplete: false, signal })
    if (imported > 0 || invalid > 0) log.info({ imported, invalid }, 'records of images added to the index')
  }

  async function retainNow(): Promise<void> {
    isRetentionDue = false
    await index.alone(async () => {
      const result = await applyRetention(options, { ...limits, maxRemovals: MAX_REMOVALS, signal })
      bytes = result.bytes
      onBytes(bytes)
      if (result.removed === MAX_REMOVALS) isRetentionDue = true
      if (result.removed > 0) {
        const { removed, removedBytes } = result
        log.info({ removed, removedBytes }, 'images that no one named were removed from the library')
      }
    })
  }

  async function run(): Promise<void> {
    let pauseMs = MIN_PAUSE_MS
    while (!signal.aborted) {
      const [isImporting, isRetaining] = [isImportDue, isRetentionDue]
      try {
        if (isImporting) await importNow()
        if (isRetaining) await retainNow()
        pauseMs = MIN_PAUSE_MS
      } catch (error) {
        if (signal.aborted) return
        isImportDue ||= isImporting
        isRetentionDue ||= isRetaining
        pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)
        log.warn({ err: error, reason: reasonIn(error) }, 'the library could not be maintained; tried again soon')
      }
      if (isImportDue || isRetentionDue) await rest(pauseMs)
      else await Promise.race([new Promise<void>((resolve) => (wake = resolve)), rest(RETENTION_EVERY_MS)])
    }
  }

  async function rest(milliseconds: number): Promise<void> {
    await pause(milliseconds, undefined, { signal, ref: false }).catch(() => {})
  }

  const timers = [setInterval(() => (isRetentionDue = true), RETENTION_EVERY_MS)]
  if (importEveryMs > 0) timers.push(setInterval(() => (isImportDue = true), importEveryMs))
  for (const timer of timers) timer.unref()
  const running = run()

  return {
    added(more) {
      bytes += more
      if (limits.maxBytes === 0 || bytes <= limits.maxBytes) return
      isRetentionDue = true
      wake()
    },
    importSoon() {
      isImportDue = true
      wake()
    },
    async [Symbol.asyncDispose]() {
      for (const timer of timers) clearInterval(timer)
      stop.abort()
      await running
    },
  }
}
