/** How much was used in the running window. */
export interface Usage {
  units: number
  /** Milliseconds until the window ends and counting begins anew. */
  resetMs: number
}

/**
 * Counts units by key, each key in windows of its own that begin with its first unit. What stands before a key's first
 * colon is its kind, and all keys of a kind have windows of one length.
 */
export interface UnitCounter {
  /** Adds units (less than 0 gives some back) and tells how many there are now. */
  add(key: string, units: number, windowMs: number): Promise<Usage>
}

/** Keys of one kind at a time; each is some 200 bytes. */
const MAX_KEYS = 50_000

/** A counter of this process. @param now milliseconds on a clock that never jumps */
export function createMemoryCounter(now = () => performance.now()): UnitCounter {
  // Each kind has room of its own, so that whoever fails a thousand logins makes nobody's images of the day forgotten.
  const kinds = new Map<string, Map<string, Window>>()

  return {
    async add(key, units, windowMs) {
      const kind = key.slice(0, key.indexOf(':') + 1)
      const windows = kinds.get(kind) ?? new Map<string, Window>()
      kinds.set(kind, windows)
      let window = windows.get(key)
      if (window === undefined || window.endsAt <= now()) {
        windows.delete(key)
        if (windows.size >= MAX_KEYS) makeSpace(windows, now())
        window = { units: 0, endsAt: now() + windowMs }
        windows.set(key, window)
      }
      window.units = Math.max(0, window.units + units)
      return { units: window.units, resetMs: window.endsAt - now() }
    },
  }
}

interface Window {
  units: number
  endsAt: number
}

/** Windows stand in the order in which they end. If none has, somebody has many names: whoever came first goes. */
function makeSpace(windows: Map<string, Window>, now: number): void {
  for (const [key, { endsAt }] of windows) {
    if (endsAt > now && windows.size < MAX_KEYS) return
    windows.delete(key)
  }
}
