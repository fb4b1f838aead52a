/** How much was used in the running window. */
export interface Usage {
  units: number
  /** Milliseconds until the window ends and counting begins anew. */
  resetMs: number
}

/** Counts units by key, each key in windows of its own that begin with its first unit. */
export interface UnitCounter {
  /** Adds units (less than 0 gives some back) and tells how many there are now. */
  add(key: string, units: number, windowMs: number): Promise<Usage>
}

/** Keys at a time; each is some 200 bytes. */
const MAX_KEYS = 50_000

/** A counter of this process. @param now milliseconds on a clock that never jumps */
export function createMemoryCounter(now = () => performance.now()): UnitCounter {
  const windows = new Map<string, { units: number; endsAt: number }>()

  function makeRoom(): void {
    for (const [key, { endsAt }] of windows) if (endsAt <= now()) windows.delete(key)
    // Somebody has many names; forgetting whoever came first costs least.
    for (const key of windows.keys()) {
      if (windows.size < MAX_KEYS) return
      windows.delete(key)
    }
  }

  return {
    async add(key, units, windowMs) {
      let window = windows.get(key)
      if (window === undefined || window.endsAt <= now()) {
        windows.delete(key)
        if (windows.size >= MAX_KEYS) makeRoom()
        window = { units: 0, endsAt: now() + windowMs }
        windows.set(key, window)
      }
      window.units = Math.max(0, window.units + units)
      return { units: window.units, resetMs: window.endsAt - now() }
    },
  }
}
