/** Bytes of a body that must arrive within each period, unless fewer are missing. */
const MIN_BYTES = 65_536

export interface UploadProgressOptions {
  /** Bytes of the whole body; undefined without `Content-Length`. */
  announced: number | undefined
  /** Milliseconds. */
  periodMs: number
  /** Called once, at the end of a period in which too few bytes arrived. */
  onStalled: () => void
}

export interface UploadProgress {
  /** Reports the number of bytes that have arrived so far. */
  received(total: number): void
  /** Nothing can arrive until `resume`, because reading is paused. */
  pause(): void
  resume(): void
  stop(): void
}

/** Detects slow uploads: a body that trickles for minutes occupies a connection and a buffer, and costs its sender nothing. */
export function watchUploadProgress({ announced, periodMs, onStalled }: UploadProgressOptions): UploadProgress {
  let total = 0
  let required = nextRequired()
  let timer = start()

  function nextRequired(): number {
    return Math.min(total + MIN_BYTES, announced ?? Number.POSITIVE_INFINITY)
  }
  function start(): NodeJS.Timeout {
    return setTimeout(endPeriod, periodMs).unref()
  }
  function endPeriod(): void {
    const isStalled = total < required
    required = nextRequired()
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
      required = nextRequired()
      timer = start()
    },
    stop: () => clearTimeout(timer),
  }
}
