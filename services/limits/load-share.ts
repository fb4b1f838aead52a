/** Who keeps the event loop busy, by recent milliseconds. */
export interface LoadShare {
  /** Adds what a caller's request took of the loop. */
  charge(owner: string, milliseconds: number): void
  /** Whether a caller took as much as callers do on average, or more: it is the one to slow down. */
  isHeavy(owner: string): boolean
  /** Lets the past count less; called at regular intervals. */
  decay(): void
}

/** A request costs the loop something even where it cannot be measured. */
const LEAST_MS = 0.2
const DECAY = 0.7
/** Below it a caller counts as one that is not there. */
const FORGOTTEN_MS = 0.1

export function createLoadShare(): LoadShare {
  const recent = new Map<string, number>()
  let total = 0

  return {
    charge(owner, milliseconds) {
      const cost = Math.max(LEAST_MS, milliseconds)
      recent.set(owner, (recent.get(owner) ?? 0) + cost)
      total += cost
    },
    isHeavy(owner) {
      const own = recent.get(owner)
      return own !== undefined && own >= total / recent.size
    },
    decay() {
      total = 0
      for (const [owner, milliseconds] of recent) {
        const left = milliseconds * DECAY
        if (left < FORGOTTEN_MS) recent.delete(owner)
        else {
          recent.set(owner, left)
          total += left
        }
      }
    },
  }
}
