import { setTimeout as pause } from 'node:timers/promises'
import type { ImageRecord } from '../../../schemas/image-record.ts'
import type { MaybePromise } from '../../bytes/maybe-promise.ts'
import { reasonIn } from '../../errors/reason.ts'
import type { Logger } from '../../logging/logger.ts'
import type { RecordIndex } from '../records/record-index.ts'
import { importRecords, type Stored } from './reindex.ts'
import { applyRetention, type RetentionLimits } from './retention.ts'

export interface MaintenanceOptions extends Stored {
  limits: RetentionLimits
  /** How often records of other processes are looked for, in milliseconds; 0 if they write to the same index. */
  importEveryMs: number
  /** Whether the index has the records of the store already. */
  isComplete: boolean
  /** Bytes of the unnamed images, whenever they have been counted. */
  onBytes?: (bytes: number) => void
  /** An image has been removed, because it was too old or too much. */
  onRemoved?: (record: ImageRecord) => void
  log: Logger
}

/** What the library does beside its calls: fills the index, and removes what is too old or too much. */
export interface Maintenance extends AsyncDisposable {
  /** The index, which checks the limits when images are added. */
  readonly index: RecordIndex
  /** The index lacks records of the store: they are imported soon. */
  importSoon(): void
  /**
   * Resolves once the records of the store are in the index: to the time before which every file has its record there,
   * in milliseconds since 1970. Infinity where no other process adds images without this index.
   */
  completeUntil(): MaybePromise<number>
}

type Task = 'import' | 'retention'

const RETENTION_EVERY_MS = 60_000
/** Between two tasks: counting more often would be a load of its own. */
const MIN_PAUSE_MS = 1_000
const MAX_PAUSE_MS = 60_000
/** In a row, so that another replica gets its turn and its lock is short. */
const MAX_REMOVALS = 200

/**
 * Starts at once, one task after another: the process may have been killed, the index restored, or other replicas may have
 * stored images meanwhile. What fails is tried again.
 */
export function startMaintenance(options: MaintenanceOptions): Maintenance {
  const { index, limits, importEveryMs, isComplete, onBytes, onRemoved, log } = options
  const stop = new AbortController()
  const { signal } = stop
  const due = new Set<Task>(['import', 'retention'])
  let bytes = 0
  /** Undefined: the index has been filled. */
  let filling = isComplete ? undefined : Promise.withResolvers<void>()
  let importedAt = Number.POSITIVE_INFINITY
  let wake = () => {}

  const tasks: Readonly<Record<Task, () => Promise<void>>> = {
    async import() {
      const startedAt = Date.now()
      const begun = filling
      const { imported, invalid } = await importRecords(options, { isComplete: false, signal })
      if (imported > 0 || invalid > 0) log.info({ imported, invalid }, 'records of images added to the index')
      if (importEveryMs > 0) importedAt = startedAt
      if (filling === begun) filling = undefined
      begun?.resolve()
    },
    async retention() {
      await index.alone(async () => {
        const result = await applyRetention(options, {
          ...limits,
          maxRemovals: MAX_REMOVALS,
          signal,
          ...(onRemoved && { onRemoved }),
        })
        bytes = result.bytes
        onBytes?.(bytes)
        const { removed, removedBytes } = result
        if (removed > 0) log.info({ removed, removedBytes }, 'images without a name were removed from the library')
        if (removed === MAX_REMOVALS) due.add('retention')
      })
    },
  }

  async function run(): Promise<void> {
    let pauseMs = MIN_PAUSE_MS
    while (!signal.aborted) {
      const [task] = due
      if (task === undefined) {
        await new Promise<void>((resolve) => (wake = resolve))
        continue
      }
      due.delete(task)
      try {
        await tasks[task]()
        pauseMs = MIN_PAUSE_MS
      } catch (err) {
        if (signal.aborted) return
        due.add(task)
        pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)
        log.warn({ err, reason: reasonIn(err), task }, 'a task of the library failed; it is tried again soon')
      }
      await pause(pauseMs, undefined, { signal, ref: false }).catch(() => {})
    }
  }

  function schedule(task: Task): void {
    due.add(task)
    wake()
  }

  const timers = [setInterval(schedule, RETENTION_EVERY_MS, 'retention')]
  if (importEveryMs > 0) timers.push(setInterval(schedule, importEveryMs, 'import'))
  for (const timer of timers) timer.unref()
  const running = run()

  return {
    index: {
      ...index,
      async put(records) {
        await index.put(records)
        for (const record of records) if (!record.isNamed) bytes += record.bytes
        if (limits.maxBytes > 0 && bytes > limits.maxBytes) schedule('retention')
      },
    },
    importSoon() {
      filling = Promise.withResolvers<void>()
      schedule('import')
    },
    completeUntil: () => filling?.promise.then(() => importedAt) ?? importedAt,
    async [Symbol.asyncDispose]() {
      for (const timer of timers) clearInterval(timer)
      stop.abort()
      wake()
      await running
    },
  }
}
