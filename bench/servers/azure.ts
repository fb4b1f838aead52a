import { createServer, type ServerResponse } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { type Order, readOrder } from '../prompt-codec.ts'
import { pictureOf } from '../image.ts'

/**
 * A fake Azure that costs next to nothing, so that what is measured is the server before it: answers lie ready as whole
 * Buffers, whatever the route. It refuses an edit whose picture did not arrive as it was sent.
 */

const answers = new Map<number, Buffer>()

function answerOf(bytes: number): Buffer {
  const known = answers.get(bytes)
  if (known !== undefined) return known
  const { base64 } = pictureOf(bytes)
  const answer = Buffer.concat([
    Buffer.from('{"created":1790000000,"data":[{"b64_json":"'),
    base64,
    Buffer.from('"}]}'),
  ])
  answers.set(bytes, answer)
  return answer
}

/** The order is among the fields before the pictures. */
const orderWithin = 8192

async function answerRequest(body: Buffer, response: ServerResponse): Promise<void> {
  const order = readOrder(body.toString('latin1', 0, orderWithin))
  if (order === undefined) return refuse(response, 'no order in the prompt')
  if (!hasInput(body, order)) return refuse(response, 'the picture did not arrive as it was sent')
  if (order.delayMs > 0) await setTimeout(order.delayMs)
  const answer = answerOf(order.answer)
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length }).end(answer)
}

/** As bytes in a form, or as base64 in JSON. */
function hasInput(body: Buffer, { input }: Order): boolean {
  if (input === 0) return true
  const { bytes, base64 } = pictureOf(input)
  return body.includes(bytes) || body.includes(base64)
}

function refuse(response: ServerResponse, message: string): void {
  response
    .writeHead(400, { 'content-type': 'application/json' })
    .end(JSON.stringify({ error: { code: 'bench', message } }))
}

createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  if (request.url === '/health') return void response.end()
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => void answerRequest(Buffer.concat(chunks), response))
}).listen(Number(process.env.PORT), '127.0.0.1')
