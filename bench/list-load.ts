import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/**
 * `tools/list` over raw sockets, one request at a time on each. An HTTP client would be slower than the servers under
 * test.
 */
export interface ListLoad {
  connections: number
  durationMs: number
  headers: Readonly<Record<string, string>>
}

const message = '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}'

/** The response of a server, as text. */
export async function fetchList(origin: string): Promise<string> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(origin, { method: 'POST', headers, body: message })
  return await response.text()
}

/**
 * Returns the number of responses.
 *
 * @throws {Error} if a response is not the list, or differs from the first
 */
export async function runListLoad(origin: string, { connections, durationMs, headers }: ListLoad): Promise<number> {
  const { hostname, port, host } = new URL(origin)
  const request = Buffer.from(
    [
      'POST / HTTP/1.1',
      `host: ${host}`,
      'content-type: application/json',
      'accept: application/json, text/event-stream',
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      `content-length: ${message.length}`,
      '',
      message,
    ].join('\r\n'),
  )
  const endsAt = performance.now() + durationMs
  const lanes = Array.from({ length: connections }, async () => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true })
    await once(socket, 'connect')
    return await runLane(socket, request, endsAt)
  })
  const counts = await Promise.all(lanes)
  return counts.reduce((sum, count) => sum + count, 0)
}

function runLane(socket: Socket, request: Buffer, endsAt: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  let count = 0
  let received: Buffer = Buffer.alloc(0)
  let expected: Buffer | undefined

  function take(chunk: Buffer): void {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    const body = bodyOf(received)
    if (body === undefined) return
    received = Buffer.alloc(0)
    expected ??= checkList(body)
    if (!body.equals(expected)) throw new Error(`the list has changed: ${body.toString('utf8')}`)
    count++
    if (performance.now() < endsAt) return void socket.write(request)
    resolve(count)
    socket.destroy()
  }

  socket.on('error', reject)
  socket.on('close', () => reject(new Error('the server closed the connection')))
  socket.on('data', (chunk: Buffer) => {
    try {
      take(chunk)
    } catch (error) {
      socket.destroy()
      reject(error)
    }
  })
  socket.write(request)
  return promise
}

/** The whole body with its chunk headers, or undefined until it is complete. */
function bodyOf(received: Buffer): Buffer | undefined {
  const start = received.indexOf('\r\n\r\n')
  if (start === -1) return undefined
  const head = received.toString('latin1', 0, start)
  const body = received.subarray(start + 4)
  if (!head.startsWith('HTTP/1.1 200 ')) throw new Error(`not a list: ${received.toString('utf8')}`)
  const [, length] = /^content-length: (\d+)/im.exec(head) ?? []
  const isWhole = length === undefined ? body.toString('latin1').endsWith('0\r\n\r\n') : body.length === Number(length)
  return isWhole ? body : undefined
}

function checkList(body: Buffer): Buffer {
  const text = body.toString('utf8')
  if (!text.includes('"generate_image"') || !text.includes('"edit_image"')) throw new Error(`not a list: ${text}`)
  return body
}
