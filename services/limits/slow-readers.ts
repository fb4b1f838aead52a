import type { Socket } from 'node:net'

/** Bytes that a client must read in a second, on average; a connection by modem manages more. */
const MIN_BYTES_PER_SECOND = 4_096
/** Checks in the time that a client may fall behind. */
const CHECKS = 8

export interface SlowReadersOptions {
  /** Milliseconds that a client may fall behind the minimum speed. */
  maxLagMs: number
  onTooSlow: (socket: Socket) => void
}

interface Backlog {
  checkedAt: number
  /** Bytes that the system had taken by then. */
  taken: number
  lagMs: number
}

/**
 * Finds clients that read a response so slowly that its buffers would be occupied for hours: a few bytes now and then
 * are progress to a time-out. Connections on which nothing waits to be sent, such as quiet event streams, are not measured.
 *
 * The system takes more only once a third of its own buffer is free, which grows to 4 MiB. So a client that reads steadily
 * may show no progress for minutes, and then a leap.
 */
export function watchReaders({ maxLagMs, onTooSlow }: SlowReadersOptions) {
  const backlogs = new Map<Socket, Backlog | undefined>()

  function check(): void {
    const checkedAt = performance.now()
    for (const [socket, last] of backlogs) {
      if (socket.writableLength === 0) {
        backlogs.set(socket, undefined)
        continue
      }
      const taken = socket.bytesWritten - socket.writableLength
      const { lagMs = 0 } = last ?? {}
      const dueMs =
        last === undefined ? 0 : checkedAt - last.checkedAt - (1000 * (taken - last.taken)) / MIN_BYTES_PER_SECOND
      const backlog = { checkedAt, taken, lagMs: Math.max(0, lagMs + dueMs) }
      backlogs.set(socket, backlog)
      if (backlog.lagMs > maxLagMs) onTooSlow(socket)
    }
  }

  const timer = setInterval(check, maxLagMs / CHECKS).unref()
  return {
    add(socket: Socket): void {
      backlogs.set(socket, undefined)
      socket.once('close', () => backlogs.delete(socket))
    },
    close: () => clearInterval(timer),
  }
}
