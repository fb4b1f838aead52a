import { createServer, type ServerResponse } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { imageOf } from '../image.ts'
import { type Directive, parsePrompt } from '../prompt-codec.ts'

/**
 * A fake Azure that costs next to nothing, so that figures show the server in front of it: its responses are prepared
 * Buffers. It rejects an edit whose input image was altered on the way.
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

/** The directive precedes the images. */
const directiveWithin = 8192

async function respond(body: Buffer, response: ServerResponse): Promise<void> {
  const directive = parsePrompt(body.toString('latin1', 0, directiveWithin))
  if (directive === undefined) return reject(response, 'no directive in the prompt')
  if (!hasInput(body, directive)) return reject(response, 'the input image was altered on the way')
  if (directive.delayMs > 0) await setTimeout(directive.delayMs)
  const payload = responseOf(directive.response)
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': payload.length }).end(payload)
}

/** Finds the input image, as bytes in a form or as base64 in JSON. */
function hasInput(body: Buffer, { input }: Directive): boolean {
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
