import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Every response of Node begins with it. */
const START = 'HTTP/1.1 '
const EVERY_MS = 50

/** Emitted on a response whose client ended its side of the connection after the response had begun. */
export const CLIENT_ENDED = 'client-ended'

/** Lets a server respond to clients that have ended their side of the connection, and notice those that are gone. */
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
}

/**
 * A client that ends its side of the connection either waits for the response or is gone; until something is sent to it,
 * TCP shows no difference. So the first bytes of the response are sent ahead, one at a time: they are the same for every
 * response, and a client that is gone resets the connection. A relay that is still there for a client that is gone needs
 * two of them.
 */
function probeClient(socket: Socket, response: ServerResponse): void {
  if (response.headersSent) {
    response.emit(CLIENT_ENDED)
    return
  }
  const write = socket.write.bind(socket)
  let sent = 0
  const timer = setInterval(sendNext, EVERY_MS)
  socket.once('close', () => clearInterval(timer))
  sendNext()

  function sendNext(): void {
    if (sent === START.length) clearInterval(timer)
    else write(START.charAt(sent++), 'latin1')
  }

  type Done = (error?: Error | null) => void
  /** The first write is the head of the response, whose beginning has been sent. */
  socket.write = function writeRest(
    head: string | Uint8Array,
    encoding?: BufferEncoding | Done | null,
    done?: Done,
  ): boolean {
    clearInterval(timer)
    socket.write = write
    const rest = typeof head === 'string' ? head.slice(sent) : head.subarray(sent)
    return typeof encoding === 'string' ? write(String(rest), encoding, done) : write(rest, encoding ?? done)
  }
}
