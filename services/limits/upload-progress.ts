/** Bytes that a body must bring within each period, unless fewer are left of it. */
const LEAST_BYTES = 65_536

export interface HeadwayOptions {
  /** Bytes of the whole body; undefined if it does not say. */
  announced: number | undefined
  /** Milliseconds. */
  periodMs: number
  /** Called once, when a period is over in which too little came. */
  onStalled: () => void
}

export interface Headway {
  /** Told how many bytes have come altogether. */
  received(total: number): void
  /** Nothing can come until `resume`, because nobody reads. */
  pause(): void
  resume(): void
  stop(): void
}

/**
 * Watches that a body makes headway. One that drips for minutes keeps a connection and a buffer from everyone else, and
 * costs its sender nothing.
 */
export function watchHeadway({ announced, periodMs, onStalled }: HeadwayOptions): Headway {
  let total = 0
  let enough = needed()
  let timer = start()

  function needed(): number {
    return Math.min(total + LEAST_BYTES, announced ?? Number.POSITIVE_INFINITY)
  }
  function start(): NodeJS.Timeout {
    return setTimeout(endPeriod, periodMs).unref()
  }
  function endPeriod(): void {
    const isStalled = total < enough
    enough = needed()
    if (isStalled) onStalled()
    else timer = start()
  }

  return {
    received(now) {
      total = now
    },
    pause: () => clearTimeout(timer),
    resume() {
      clearTimeout(timer)
      enough = needed()
      timer = start()
    },
    stop: () => clearTimeout(timer),
  }
}
