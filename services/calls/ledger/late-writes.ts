import { setTimeout as pause } from 'node:timers/promises'
import { DatabaseUnavailableError } from '../../databases/unavailable.ts'
import type { Logger } from '../../logging/logger.ts'

/** What is written to the ledger, and may be repeated. */
export interface LateWrite {
  /** Id of the receipt. */
  readonly receipt: string
  /** @throws DatabaseUnavailableError */
  write(): Promise<void>
}

/** Writes that a call does not wait for while the database is away. */
export interface LateWrites {
  /** Resolves when it is written, or will be tried again. Never rejects. */
  write(write: LateWrite): Promise<void>
  /** Tries what is left, and what fails meanwhile, for the last time. */
  close(): Promise<void>
}

export interface LateWritesTiming {
  /** Milliseconds between rounds. */
  retryMs: number
  /** Milliseconds after which a write is no longer tried. */
  giveUpMs: number
}

/** Some minutes of a busy service. What it loses of a longer outage are rows; the log has every receipt. */
const MAX_WAITING = 10_000
const defaults: LateWritesTiming = { retryMs: 2_000, giveUpMs: 3_600_000 }

export function createLateWrites(log: Logger, timing: Partial<LateWritesTiming> = {}): LateWrites {
  const { retryMs, giveUpMs } = { ...defaults, ...timing }
  const waiting: (LateWrite & { until: number })[] = []
  const running = new Set<Promise<unknown>>()
  const closing = new AbortController()
  let isTrying = false
  let isClosed = false

  /** @returns whether it is done with, because it is written or cannot be */
  async function attempt({ receipt, write }: LateWrite): Promise<boolean> {
    try {
      await write()
      return true
    } catch (err) {
      if (err instanceof DatabaseUnavailableError) return false
      log.error({ err, receipt }, 'a receipt cannot be stored')
      return true
    }
  }

  function giveUp({ receipt }: LateWrite): void {
    log.error({ receipt }, 'a receipt is not stored, because the state database does not respond: the log has it')
  }

  /**
   * One after another: a database that is coming back gets no burst. The first failure ends the round and goes to the end,
   * because a single row that the database does not take must not keep back the others.
   */
  async function round(): Promise<void> {
    for (let first = waiting.shift(); first !== undefined; first = waiting.shift()) {
      if (await attempt(first)) continue
      if (performance.now() > first.until) giveUp(first)
      else waiting.push(first)
      return
    }
  }

  async function tryAgain(): Promise<void> {
    isTrying = true
    log.warn({}, 'receipts wait for the state database, which does not respond')
    while (waiting.length > 0 && !closing.signal.aborted) {
      await pause(retryMs, undefined, { ref: false, signal: closing.signal }).catch(() => {})
      await round()
    }
    isTrying = false
  }

  function wait(write: LateWrite): void {
    if (waiting.length >= MAX_WAITING || isClosed) giveUp(write)
    else {
      waiting.push({ ...write, until: performance.now() + giveUpMs })
      if (!isTrying && !closing.signal.aborted) track(tryAgain())
    }
  }

  function track(work: Promise<unknown>): void {
    running.add(work)
    void work.finally(() => running.delete(work))
  }

  return {
    async write(write) {
      const first = attempt(write)
      track(first)
      if (!(await first)) wait(write)
    },
    async close() {
      closing.abort()
      while (running.size > 0) await Promise.all(running)
      await round()
      isClosed = true
      for (const each of waiting.splice(0)) giveUp(each)
    },
  }
}
