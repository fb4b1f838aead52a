import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Every response of Node begins with it. */
const START = 'HTTP/1.1 '
const EVERY_MS = 50

/** Emitted on a response that has begun, when something should be sent to find out whether its client is still there. */
export const PROBE = 'probe'

/**
 * Lets a server respond to clients that have ended their side of the connection, and notice those that are gone. What cannot
 * be parsed after a request breaks off a response that has begun.
 */
export function serveHalfClosed(server: Server): void {
  /** Responses that have not ended, in the order of their requests. */
  const responsesOf = new WeakMap<object, Set<ServerResponse>>()
  server.httpAllowHalfOpen = true
  server.on('connection', (socket) => {
    const responses = new Set<ServerResponse>()
    responsesOf.set(socket, responses)
    socket.on('end', () => {
      const [current] = responses
      if (current !== undefined) probeClient(socket, current)
    })
  })
  server.on('request', ({ socket }, response) => {
    const responses = responsesOf.get(socket)
    responses?.add(response)
    response.once('close', () => responses?.delete(response))
  })
  // Fastify would write an error response into the one that has begun.
  server.prependListener('clientError', (_error, socket) => {
    const [current] = responsesOf.get(socket) ?? []
    if (current?.headersSent === true) socket.destroy()
  })
}

/**
 * A client that ends its side of the connection either waits for the response or is gone; until something is sent to it,
 * TCP shows no difference. So the first bytes of the response are sent ahead, one at a time: they are the same for every
 * response, and a client that is gone answers the first with a reset, which makes the second fail. Relays that forward the
 * end of a client that is gone need one more.
 */
function probeClient(socket: Socket, response: ServerResponse): void {
  const sendStart = response.headersSent ? undefined : startSender(socket)
  let probes = 0
  function probe(): void {
    if (sendStart === undefined) response.emit(PROBE)
    else sendStart()
    if (++probes === START.length || response.writableEnded) clearInterval(timer)
  }
  const timer = setInterval(probe, EVERY_MS)
  response.once('close', () => clearInterval(timer))
  probe()
}

/** Returns what sends the next byte of a response's start, until its head is written. */
function startSender(socket: Socket): () => void {
  const write = socket.write.bind(socket)
  let sent = 0
  let isBegun = false

  type Done = (error?: Error | null) => void
  socket.write = function writeRest(
    head: string | Uint8Array,
    encoding?: BufferEncoding | Done | null,
    done?: Done,
  ): boolean {
    isBegun = true
    socket.write = write
    const rest = typeof head === 'string' ? head.slice(sent) : head.subarray(sent)
    return typeof encoding === 'string' ? write(String(rest), encoding, done) : write(rest, encoding ?? done)
  }
  return function sendNext() {
    if (!isBegun) write(START.charAt(sent++), 'latin1')
  }
}
