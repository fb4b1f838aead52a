import type { Socket } from 'node:net'
import { rateLimitPrefix } from '../net/ip-address.ts'

export interface ConnectionLimitsOptions {
  /** Connections that may be open. */
  max: number
  /** Connections of one address, IPv6 by /64; 0: no limit. */
  maxPerAddress: number
  /** Whether an address stands for many clients, as that of a trusted proxy does. */
  isShared(address: string | undefined): boolean
  /** A connection was closed because a limit is reached. @param address undefined: the limit of all connections */
  onClosed(address: string | undefined): void
}

/** The connections of a server. */
export interface ConnectionLimits {
  /** Counts a new connection, and makes space for it if a limit is reached. */
  add(socket: Socket): void
  /** The headers of a request are complete. @returns reports that its response has ended */
  begin(socket: Socket): () => void
}

interface Connection {
  readonly socket: Socket
  /** Which addresses are counted together; undefined: not limited. */
  readonly address: string | undefined
  /** Requests whose response has not ended. */
  running: number
  /** `bytesRead` when its last response ended; undefined before its first request. */
  readAtIdle: number | undefined
}

/**
 * Limits open connections, so that a client that opens many and sends nothing, or half a request, cannot keep others out:
 * when a limit is reached, the oldest connection without complete headers is closed, then the one that has been idle longest,
 * and only if all of them run a request the new one.
 */
export function createConnectionLimits(options: ConnectionLimitsOptions): ConnectionLimits {
  const { max, maxPerAddress, isShared, onClosed } = options
  const connections = new Map<Socket, Connection>()
  const countOf = new Map<string, number>()
  /** Connections that run no request, in the order in which they began to wait. */
  const waiting = new Set<Connection>()

  function remove(connection: Connection): void {
    if (!connections.delete(connection.socket)) return
    waiting.delete(connection)
    if (connection.address === undefined) return
    const left = (countOf.get(connection.address) ?? 0) - 1
    if (left > 0) countOf.set(connection.address, left)
    else countOf.delete(connection.address)
  }

  /** @param address whose connections are closed; undefined: of any address */
  function makeSpace(newcomer: Connection, address: string | undefined): void {
    let idle: Connection | undefined
    let victim: Connection | undefined
    for (const each of waiting) {
      if (each === newcomer || (address !== undefined && each.address !== address)) continue
      const hasBegun = each.readAtIdle === undefined || each.socket.bytesRead > each.readAtIdle
      if (hasBegun) {
        victim = each
        break
      }
      idle ??= each
    }
    const closed = victim ?? idle ?? newcomer
    remove(closed)
    closed.socket.destroy()
    onClosed(address)
  }

  return {
    add(socket) {
      const { remoteAddress } = socket
      const address = maxPerAddress === 0 || isShared(remoteAddress) ? undefined : rateLimitPrefix(remoteAddress)
      const connection: Connection = { socket, address, running: 0, readAtIdle: undefined }
      connections.set(socket, connection)
      waiting.add(connection)
      socket.once('close', () => remove(connection))
      const count = address === undefined ? 0 : (countOf.get(address) ?? 0) + 1
      if (address !== undefined) countOf.set(address, count)
      if (count > maxPerAddress) makeSpace(connection, address)
      else if (connections.size > max) makeSpace(connection, undefined)
    },

    begin(socket) {
      const connection = connections.get(socket)
      if (connection === undefined) return () => {}
      connection.running++
      waiting.delete(connection)
      return () => {
        connection.running--
        if (connection.running > 0 || !connections.has(socket)) return
        connection.readAtIdle = socket.bytesRead
        waiting.add(connection)
      }
    },
  }
}
