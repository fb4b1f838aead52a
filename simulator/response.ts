import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyReply } from 'fastify'
import type { FaultDetails } from './fault.ts'
import { fluxMeta } from './flux-provider.ts'
import { gptImageFacts, gptImageUsage } from './gpt-image.ts'
import type { Job } from './job.ts'
import { maiUsage } from './mai.ts'
import type { Dialect, Model } from './models.ts'

type Item = Record<string, unknown>

const filtered = {
  content_filter_results: {
    violence: { filtered: true, severity: 'high' },
    sexual: { filtered: false, severity: 'safe' },
  },
}

function itemsOf(
  images: readonly Buffer[],
  fault: FaultDetails | undefined,
  link: (image: Buffer) => string,
): Item[] | undefined {
  switch (fault?.name === 'no-image' ? (fault.instead ?? 'filtered') : fault?.name) {
    case 'filtered':
      return images.map(() => filtered)
    case 'message':
      return images.map(() => ({ finish_reason: 'CONTENT_FILTERED', message: 'The image was filtered.' }))
    case 'empty-data':
      return []
    case 'no-data':
      return undefined
    case 'url':
      return images.map((image) => ({ url: link(image) }))
    default:
      return images.map((image) => ({ b64_json: image.toString('base64') }))
  }
}

/** The body of a 200 in the format of the model's family and the route. */
export async function responseBody(
  { family }: Model,
  dialect: Dialect,
  job: Job,
  images: readonly Buffer[],
  fault: FaultDetails | undefined,
  link: (image: Buffer) => string,
): Promise<object> {
  const items = itemsOf(images, fault, link)
  const data = items === undefined ? {} : { data: items }
  const created = Math.floor(Date.now() / 1000)
  if (family === 'gpt-image') return { created, ...data, usage: gptImageUsage(job), ...gptImageFacts(job) }
  if (family === 'mai') return { ...data, usage: maiUsage(job) }
  return dialect === 'bfl'
    ? { created, ...data, request_meta: await fluxMeta(job.images, job.size) }
    : { created, ...data }
}

/** Serializes the body and applies the fault to it. */
export function encodeResponse(body: object, fault: FaultDetails | undefined): Buffer {
  switch (fault?.name) {
    case 'invalid-json': {
      const text = JSON.stringify(body)
      return Buffer.from(text.slice(0, Math.ceil(text.length * 0.9)))
    }
    case 'oversized': {
      const bytes = fault.bytes ?? 100 * 1024 * 1024
      return Buffer.concat([
        Buffer.from('{"created":1,"data":[{"b64_json":"'),
        Buffer.alloc(bytes, 'A'),
        Buffer.from('"}]}'),
      ])
    }
    case 'escaped':
      // As the JSON encoders of .NET and PHP write `+` and `/` by default.
      return Buffer.from(JSON.stringify(body).replaceAll('+', '\\u002B').replaceAll('/', '\\/'))
    case 'pretty':
      return Buffer.from(`${JSON.stringify(body, null, 2)}\n`)
    default:
      return Buffer.from(JSON.stringify(body))
  }
}

/** Sends a 200 and applies the fault to the connection. */
export async function sendResponse(
  reply: FastifyReply,
  bytes: Buffer,
  fault: FaultDetails | undefined,
  signal: AbortSignal,
): Promise<FastifyReply> {
  const type = fault?.name === 'text-plain' ? 'text/plain' : 'application/json'
  if (fault?.name === 'drip') {
    return reply.type(type).send(drip(bytes, fault.ms ?? 20, signal))
  }
  if (fault?.name !== 'half-body') return reply.type(type).send(bytes)
  for (const [name, value] of Object.entries(reply.getHeaders())) reply.raw.setHeader(name, value ?? '')
  reply.hijack()
  reply.raw.writeHead(200, { 'content-type': type, 'content-length': bytes.length })
  reply.raw.write(bytes.subarray(0, bytes.length >> 1), () => reply.raw.socket?.resetAndDestroy())
  return reply
}

const dripChunks = 50

function drip(bytes: Buffer, ms: number, signal: AbortSignal): ReadableStream<Uint8Array> {
  const step = Math.ceil(bytes.length / dripChunks)
  let at = 0
  return new ReadableStream({
    async pull(controller) {
      await wait(ms, undefined, { signal })
      controller.enqueue(bytes.subarray(at, at + step))
      at += step
      if (at >= bytes.length) controller.close()
    },
  })
}

/** Headers of every response. */
export const everyResponse = (): Record<string, string> => ({
  'apim-request-id': randomUUID(),
  'x-request-id': randomUUID(),
  'x-ms-region': 'Simulated',
})
