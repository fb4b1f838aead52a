export interface ThrottleOptions {
  /** Calls per minute. */
  rpm: number
  /** Length of a minute in milliseconds; shorter in tests. */
  minuteMs: number
}

export interface Throttle {
  /** Counts a call. `waitMs` is 0 if it is allowed, else the time until the next is allowed. */
  pass(): { waitMs: number; remaining: number; resetMs: number }
  readonly rpm: number
}

const windows = 6

/**
 * Requests per minute as Azure enforces them: a sixth of the minute takes no more than a sixth of the calls, so that bursts are rejected below the
 * minute's budget. https://learn.microsoft.com/azure/ai-services/openai/how-to/quota
 */
export function createThrottle(
  { rpm, minuteMs }: ThrottleOptions,
  now: () => number = () => performance.now(),
): Throttle {
  const burst = Math.max(1, Math.ceil(rpm / windows))
  const windowMs = minuteMs / windows
  const passed: number[] = []
  const waitFor = (most: number, spanMs: number, at: number): number => {
    const first = passed[passed.length - most]
    return first === undefined ? 0 : Math.max(0, first + spanMs - at)
  }
  return {
    rpm,
    pass() {
      const at = now()
      while (passed[0] !== undefined && passed[0] <= at - minuteMs) passed.shift()
      const waitMs = rpm === 0 ? minuteMs : Math.max(waitFor(rpm, minuteMs, at), waitFor(burst, windowMs, at))
      if (waitMs === 0) passed.push(at)
      const resetMs = passed[0] === undefined ? 0 : passed[0] + minuteMs - at
      return { waitMs, remaining: Math.max(0, rpm - passed.length), resetMs }
    },
  }
}
