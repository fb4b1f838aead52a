/** Who keeps the event loop busy, by recent milliseconds. */
export interface LoadShare {
  /** Adds the time that a caller's request took on the event loop. */
  charge(caller: string, milliseconds: number): void
  /** Runs synchronous work, and adds its time. */
  measure<T>(caller: string, work: () => T): T
  /** Whether a caller used at least the average of all callers, and so should be slowed down. */
  isHeavy(caller: string): boolean
  /** Reduces the weight of the past; called at regular intervals. */
  decay(): void
}

/** Every request costs some time, even where it cannot be measured. */
const MIN_COST_MS = 0.2
const DECAY = 0.7
/** Callers below it are removed. */
const NEGLIGIBLE_MS = 0.1

export function createLoadShare(): LoadShare {
  const recent = new Map<string, number>()
  let total = 0

  function charge(caller: string, milliseconds: number): void {
    const cost = Math.max(MIN_COST_MS, milliseconds)
    recent.set(caller, (recent.get(caller) ?? 0) + cost)
    total += cost
  }

  return {
    charge,
    measure(caller, work) {
      const startedAt = performance.now()
      try {
        return work()
      } finally {
        charge(caller, performance.now() - startedAt)
      }
    },
    isHeavy(caller) {
      const own = recent.get(caller)
      return own !== undefined && own >= total / recent.size
    },
    decay() {
      total = 0
      for (const [caller, milliseconds] of recent) {
        const remaining = milliseconds * DECAY
        if (remaining < NEGLIGIBLE_MS) recent.delete(caller)
        else {
          recent.set(caller, remaining)
          total += remaining
        }
      }
    },
  }
}
