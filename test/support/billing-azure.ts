import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { pixelPng } from './fake-azure.ts'

export interface BillingAzure extends AsyncDisposable {
  readonly url: string
  /** Millionths of a US dollar by the first word of the prompt. */
  readonly billed: ReadonlyMap<string, number>
  readonly images: number
}

export interface BillingOptions {
  /** Milliseconds until a response, at most. */
  latencyMs: number
}

/** US$0.015 for an image and for each of its megapixels: https://azure.microsoft.com/pricing/details/ai-foundry-models/black-forest-labs/ */
const MEGAPIXEL_MICROS = 15_000
const MOST_MEGAPIXELS = 4

/** What a request for FLUX.2-pro at 2048x2048 costs at most. */
export const MOST_MICROS = MEGAPIXEL_MICROS * (MOST_MEGAPIXELS + 1)

/**
 * Plays FLUX.2-pro and keeps the books: bills one to four megapixels for each request that it has received whole, whether or
 * not anyone is left to get the image; rejects every prompt with `refused`, free of charge.
 */
export async function startBillingAzure({ latencyMs }: BillingOptions): Promise<BillingAzure> {
  const billed = new Map<string, number>()
  let images = 0
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    request.on('error', () => {})
    for await (const chunk of request) chunks.push(chunk)
    const { prompt = '' }: { prompt?: string } = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    const json = { 'content-type': 'application/json' }
    if (prompt.includes('refused')) {
      response.writeHead(400, json).end(JSON.stringify({ error: { code: 'content_filter', message: 'filtered' } }))
      return
    }
    const megapixels = 1 + Math.floor(Math.random() * MOST_MEGAPIXELS)
    const [payer = ''] = prompt.split(' ')
    billed.set(payer, (billed.get(payer) ?? 0) + MEGAPIXEL_MICROS * (megapixels + 1))
    images++
    if (latencyMs > 0) await pause(Math.random() * latencyMs)
    const body = { created: 1, data: [{ b64_json: pixelPng }], request_meta: { input_mp: 0, output_mp: megapixels } }
    response.writeHead(200, json).end(JSON.stringify(body))
  })
  // A killed replica's connections break at any moment.
  server.on('clientError', (_error, socket) => socket.destroy())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    billed,
    get images() {
      return images
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
