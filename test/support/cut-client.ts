import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** Where a client breaks its connection off. */
export type CutStage = 'sending' | 'waiting' | 'head' | 'body' | 'end'

export interface Cut {
  stage: CutStage
  /** Milliseconds of waiting, or a share of a body: 0 to 1. */
  at: number
  /** With a reset instead of an orderly end. */
  isReset: boolean
}

/** Sends a POST on a new connection and breaks it off at `cut`. Returns the body of the response; `undefined` if it was cut. */
export async function postAndCut(
  origin: string,
  body: string,
  headers: Readonly<Record<string, string>>,
  cut?: Cut,
): Promise<string | undefined> {
  const { hostname, port, host } = new URL(origin)
  const socket = connect({ host: hostname, port: Number(port) }).on('error', () => {})
  await once(socket, 'connect')
  const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()))
  const lines = Object.entries({
    host,
    connection: 'close',
    'content-type': 'application/json',
    'content-length': String(body.length),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  const breakOff = () => (cut?.isReset ? socket.resetAndDestroy() : socket.destroy())
  socket.write(`POST / HTTP/1.1\r\n${lines.join('')}\r\n`)
  if (cut?.stage === 'sending') {
    socket.write(body.slice(0, Math.floor(body.length * cut.at)), breakOff)
    await closed
    return undefined
  }
  socket.write(body)
  if (cut?.stage === 'waiting') setTimeout(breakOff, cut.at)
  const received = await read(socket, cut, breakOff)
  await closed
  return cut === undefined || cut.stage === 'end' ? received : undefined
}

/** Reads to the end, or to where the connection is cut. */
async function read(socket: Socket, cut: Cut | undefined, breakOff: () => void): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of socket) {
      chunks.push(chunk)
      bytes += chunk.length
      const isCut = cut?.stage === 'head' || (cut?.stage === 'body' && bytes > 1_000_000 * cut.at)
      if (isCut) breakOff()
    }
  } catch {
    // Our own reset.
  }
  const whole = Buffer.concat(chunks)
  const end = whole.indexOf('\r\n\r\n')
  const head = whole.toString('latin1', 0, end)
  const payload = whole.subarray(end + 4)
  return /^transfer-encoding: chunked$/im.test(head) ? withoutChunks(payload) : payload.toString('utf8')
}

/** https://www.rfc-editor.org/rfc/rfc9112#section-7.1 */
function withoutChunks(payload: Buffer): string {
  const parts: Buffer[] = []
  for (let at = 0; at < payload.length; ) {
    const lineEnd = payload.indexOf('\r\n', at)
    const length = Number.parseInt(payload.toString('latin1', at, lineEnd), 16)
    if (!(length > 0)) break
    parts.push(payload.subarray(lineEnd + 2, lineEnd + 2 + length))
    at = lineEnd + 2 + length + 2
  }
  return Buffer.concat(parts).toString('utf8')
}
