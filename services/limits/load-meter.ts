import { monitorEventLoopDelay } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'

/** Share of V8's heap limit; beyond it the process does little but collect garbage. */
const MAX_HEAP_SHARE = 0.9
const RESOLUTION_MS = 10

export interface LoadMeter {
  /** Whether the event loop or the heap was beyond its limit at the last sample. */
  readonly isHigh: boolean
  /** Measures the time since the last sample. */
  sample(): void
  close(): void
}

/**
 * Measures the load of the process. It opens no file, unlike `process.memoryUsage()`, which throws where no file descriptor is
 * left.
 */
export function createLoadMeter({ maxEventLoopDelayMs }: { maxEventLoopDelayMs: number }): LoadMeter {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delays.enable()
  let isHigh = false
  let sampledAt = performance.now()
  return {
    get isHigh() {
      return isHigh
    },
    sample() {
      const now = performance.now()
      // Without a measurement there is no mean: one turn of the event loop took all of the time.
      const delayMs = delays.count === 0 ? now - sampledAt : delays.mean / 1_000_000 - RESOLUTION_MS
      sampledAt = now
      delays.reset()
      const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics()
      isHigh = delayMs > maxEventLoopDelayMs || used > limit * MAX_HEAP_SHARE
    },
    close: () => void delays.disable(),
  }
}
