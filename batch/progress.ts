import type { Writable } from 'node:stream'

export interface BatchCounts {
  total: number
  completed: number
  failed: number
  /** Their images may have been generated and billed. */
  unknown: number
}

/** Shows how far a batch is: a bar that is redrawn on a terminal, a line for each item elsewhere. */
export interface BatchProgress {
  update(counts: BatchCounts, line: string): void
  end(): void
}

const BAR_WIDTH = 24
const REDRAW_MS = 1_000

export function createProgress(
  output: Writable & { isTTY?: boolean; columns?: number },
  now = Date.now,
): BatchProgress {
  const startedAt = now()
  if (output.isTTY !== true) {
    return { update: (_counts, line) => void output.write(`${line}\n`), end() {} }
  }
  let last: BatchCounts | undefined
  let before = 0
  const draw = (): void => {
    if (last === undefined) return
    output.write(`\r\x1b[K${barOf(last, before, now() - startedAt).slice(0, (output.columns ?? 80) - 1)}`)
  }
  const timer = setInterval(draw, REDRAW_MS).unref()
  return {
    update(counts) {
      // What earlier runs completed says nothing about the pace of this one.
      if (last === undefined) before = counts.completed + counts.failed + counts.unknown
      last = { ...counts }
      draw()
    },
    end() {
      clearInterval(timer)
      draw()
      output.write('\n')
    },
  }
}

function barOf({ total, completed, failed, unknown }: BatchCounts, before: number, ms: number): string {
  const done = completed + failed + unknown
  const filled = Math.floor((done / total) * BAR_WIDTH)
  const left = done > before ? (ms / (done - before)) * (total - done) : undefined
  const bar = `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}] ${done}/${total}`
  const failures = `${failed === 0 ? '' : `, ${failed} failed`}${unknown === 0 ? '' : `, ${unknown} unknown`}`
  return `${bar}${failures}${left === undefined || done === total ? '' : `, about ${describe(left)} left`}`
}

function describe(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  return minutes < 1 ? `${Math.ceil(ms / 1000)} s` : minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`
}
