import type { Socket } from 'node:net'

/** Bytes that a client must read in a second, on average; a connection by modem manages more. */
const MIN_BYTES_PER_SECOND = 4_096
/** Checks in each period. */
const CHECKS = 4

export interface SlowReadersOptions {
  /** Milliseconds over which the speed is measured. */
  periodMs: number
  onTooSlow: (socket: Socket) => void
}

interface Backlog {
  since: number
  /** Bytes that the system had taken by then. */
  taken: number
}

/**
 * Finds clients that read a response so slowly that its buffers would be occupied for hours: a few bytes now and then
 * are progress to a time-out. Connections on which nothing waits to be sent, such as quiet event streams, are not measured.
 */
export function watchReaders({ periodMs, onTooSlow }: SlowReadersOptions) {
  const backlogs = new Map<Socket, Backlog | undefined>()

  function check(): void {
    const now = performance.now()
    for (const [socket, backlog] of backlogs) {
      const taken = socket.bytesWritten - socket.writableLength
      if (socket.writableLength === 0) backlogs.set(socket, undefined)
      else if (backlog === undefined) backlogs.set(socket, { since: now, taken })
      else if (now - backlog.since >= periodMs) {
        const speed = (1000 * (taken - backlog.taken)) / (now - backlog.since)
        backlogs.set(socket, { since: now, taken })
        if (speed < MIN_BYTES_PER_SECOND) onTooSlow(socket)
      }
    }
  }

  const timer = setInterval(check, periodMs / CHECKS).unref()
  return {
    add(socket: Socket): void {
      backlogs.set(socket, undefined)
      socket.once('close', () => backlogs.delete(socket))
    },
    close: () => clearInterval(timer),
  }
}
