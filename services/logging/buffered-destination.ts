/** Characters that wait at most. */
const MAX_WAITING = 65_536

/** Takes finished log lines; may be slow, as files and pipes are. */
export interface LogDestination {
  write(text: string): unknown
}

/** The way of log lines out of the process. */
export interface LogLines {
  /** Takes one line, its line break included. */
  write(line: string): void
  /** Lines go there too from now on; the first destination also gets those that came before it. */
  add(destination: LogDestination): void
  /** Lines do not go there any more; what is waiting still does. */
  remove(destination: LogDestination): void
  /** Hands over what is waiting, as before the process ends. */
  flush(): void
}

export interface LogLinesOptions {
  /**
   * Milliseconds that a line may wait for others, 0 for none. Writing to a pipe or a file costs the same for one line as
   * for fifty, and under load it would cost more than the requests that the lines are about.
   */
  delayMs: number
}

export function createLogLines({ delayMs }: LogLinesOptions): LogLines {
  const destinations = new Set<LogDestination>()
  let waiting = ''
  let timer: NodeJS.Timeout | undefined

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    if (waiting === '' || destinations.size === 0) return
    const text = waiting
    waiting = ''
    for (const destination of destinations) destination.write(text)
  }

  function handOver(): void {
    if (delayMs === 0 || waiting.length >= MAX_WAITING) flush()
    else timer ??= setTimeout(flush, delayMs)
  }

  return {
    flush,
    write(line) {
      waiting += line
      handOver()
    },
    add(destination) {
      destinations.add(destination)
      handOver()
    },
    remove(destination) {
      flush()
      destinations.delete(destination)
    },
  }
}
