import { createServer, type ServerResponse } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { imageOf } from '../image.ts'
import { type Order, readOrder } from '../prompt-codec.ts'

/**
 * A fake Azure that costs next to nothing, so that what is measured is the server before it: answers lie ready as whole
 * Buffers, whatever the route. It rejects an edit whose image did not arrive as it was sent.
 */

const responses = new Map<number, Buffer>()

function responseOf(bytes: number): Buffer {
  const known = responses.get(bytes)
  if (known !== undefined) return known
  const { base64 } = imageOf(bytes)
  const response = Buffer.concat([
    Buffer.from('{"created":1790000000,"data":[{"b64_json":"'),
    base64,
    Buffer.from('"}]}'),
  ])
  responses.set(bytes, response)
  return response
}

/** The order is among the fields before the images. */
const orderWithin = 8192

async function respond(body: Buffer, response: ServerResponse): Promise<void> {
  const order = readOrder(body.toString('latin1', 0, orderWithin))
  if (order === undefined) return reject(response, 'no order in the prompt')
  if (!hasInput(body, order)) return reject(response, 'the image did not arrive as it was sent')
  if (order.delayMs > 0) await setTimeout(order.delayMs)
  const payload = responseOf(order.response)
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': payload.length }).end(payload)
}

/** As bytes in a form, or as base64 in JSON. */
function hasInput(body: Buffer, { input }: Order): boolean {
  if (input === 0) return true
  const { bytes, base64 } = imageOf(input)
  return body.includes(bytes) || body.includes(base64)
}

function reject(response: ServerResponse, message: string): void {
  response
    .writeHead(400, { 'content-type': 'application/json' })
    .end(JSON.stringify({ error: { code: 'bench', message } }))
}

createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  if (request.url === '/health') return void response.end()
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => void respond(Buffer.concat(chunks), response))
}).listen(Number(process.env.PORT), '127.0.0.1')
