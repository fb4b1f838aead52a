import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

export interface RawResponse {
  head: string
  /** Without chunk headers. */
  body: string
}

export interface RawClient {
  readonly socket: Socket
  /** Sends a POST on this connection. */
  post(body: string, headers?: Readonly<Record<string, string>>, version?: '1.0' | '1.1'): void
  /** Reads one whole response. */
  response(): Promise<RawResponse>
  /** Reads at least `bytes` of the response, and then pauses. */
  read(bytes: number): Promise<void>
  /** Ends the connection cleanly. */
  end(): Promise<void>
  /** Resets the connection. */
  reset(): void
}

/** Resolves when there is data to read, or the connection has ended. */
function change(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const events = ['readable', 'end', 'close'] as const
  for (const event of events) socket.on(event, resolve)
  return promise.finally(() => {
    for (const event of events) socket.off(event, resolve)
  })
}

/** A client that can read partially, reset at any moment, or stay silent, as no HTTP library can. */
export async function connectRaw(t: TestContext, url: string): Promise<RawClient> {
  const { hostname, port, host } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  socket.on('error', () => {})
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  socket.pause()
  let received = Buffer.alloc(0)

  async function more(): Promise<void> {
    const chunk: Buffer | null = socket.read()
    if (chunk !== null) received = Buffer.concat([received, chunk])
    else if (socket.readableEnded || socket.destroyed) throw new Error('the connection ended too early')
    else await change(socket)
  }
  const text = () => received.toString('latin1')

  return {
    socket,
    post(body, headers = {}, version = '1.1') {
      const lines = Object.entries({
        host,
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
        ...headers,
      }).map(([name, value]) => `${name}: ${value}\r\n`)
      socket.write(`POST / HTTP/${version}\r\n${lines.join('')}\r\n${body}`)
    },
    async read(bytes) {
      while (received.length < bytes) await more()
    },
    async response() {
      while (!text().includes('\r\n\r\n')) await more()
      const head = text().slice(0, text().indexOf('\r\n\r\n'))
      const start = head.length + 4
      const length = /^content-length: (\d+)$/im.exec(head)?.[1]
      if (length !== undefined) {
        while (received.length < start + Number(length)) await more()
        const body = received.toString('utf8', start, start + Number(length))
        received = received.subarray(start + Number(length))
        return { head, body }
      }
      while (!text().endsWith('0\r\n\r\n')) await more()
      const body = text()
        .slice(start)
        .replaceAll(/(^|\r\n)[0-9a-f]+\r\n/g, '')
      received = Buffer.alloc(0)
      return { head, body }
    },
    async end() {
      socket.resume().end()
      await once(socket, 'close')
    },
    reset: () => void socket.resetAndDestroy(),
  }
}
