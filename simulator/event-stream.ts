import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyReply } from 'fastify'
import sharp from 'sharp'
import type { FaultDetails } from './fault.ts'
import { gptImageFacts, gptImageUsage } from './gpt-image.ts'
import type { Job } from './job.ts'

interface StreamEvent {
  name: string
  data: Record<string, unknown>
}

/** The events of a streamed call: partial images, then the final one, each without a `data[]` wrapper. */
export async function streamEvents(
  job: Job,
  images: readonly Buffer[],
  fault: FaultDetails | undefined,
): Promise<StreamEvent[]> {
  const kind = job.operation === 'edits' ? 'image_edit' : 'image_generation'
  const common = { created_at: Math.floor(Date.now() / 1000), ...gptImageFacts(job) }
  const events: StreamEvent[] = []
  const first = images[0]
  // Azure may send fewer partial images than requested, when the final one is ready first.
  const partials = job.quality === 'low' ? Math.min(job.partials ?? 0, 1) : (job.partials ?? 0)
  for (let i = 0; i < partials && first !== undefined; i++) {
    const sketch = await unfinished(first, job, partials - i)
    const data = {
      type: `${kind}.partial_image`,
      b64_json: sketch.toString('base64'),
      partial_image_index: i,
      ...common,
    }
    events.push({ name: data.type, data })
  }
  if (fault?.name === 'stream-error') {
    const error = { type: 'server_error', code: 'server_error', message: 'The server had an error.' }
    return [...events, { name: 'error', data: { type: 'error', error } }]
  }
  for (const image of images) {
    const member = fault?.name === 'no-image' ? {} : { b64_json: finished(image, fault) }
    const data = { type: `${kind}.completed`, ...member, ...common, usage: gptImageUsage({ ...job, count: 1 }) }
    events.push({ name: data.type, data })
  }
  return events
}

const finished = (image: Buffer, fault: FaultDetails | undefined): string =>
  fault?.name === 'oversized' ? 'A'.repeat(fault.bytes ?? 100 * 1024 * 1024) : image.toString('base64')

const unfinished = (image: Buffer, { format }: Job, stepsLeft: number): Promise<Buffer> =>
  sharp(image)
    .blur(4 * stepsLeft)
    .toFormat(format, format === 'png' ? { compressionLevel: 3 } : { quality: 70 })
    .toBuffer()

/** Formats an event; `pretty` uses every liberty of the format: comments, CRLF, no space, one `data` line per line of JSON. */
function encodeEvent({ name, data }: StreamEvent, fault: FaultDetails | undefined): Buffer {
  if (fault?.name === 'pretty') {
    const lines = JSON.stringify(data, null, 1)
      .split('\n')
      .map((line) => `data:${line}\r\n`)
    return Buffer.from(`: still here\r\n\r\nevent:${name}\r\nid:1\r\n${lines.join('')}\r\n`)
  }
  const json = JSON.stringify(data)
  const text = fault?.name === 'escaped' ? json.replaceAll('+', '\\u002B').replaceAll('/', '\\/') : json
  return Buffer.from(`event: ${name}\ndata: ${fault?.name === 'invalid-json' ? text.slice(0, -9) : text}\n\n`)
}

/**
 * Sends the events evenly over the latency. The status is sent with the first one.
 * @param latencyMs the time until the final image
 */
export async function sendStream(
  reply: FastifyReply,
  events: readonly StreamEvent[],
  latencyMs: number,
  fault: FaultDetails | undefined,
  signal: AbortSignal,
): Promise<FastifyReply> {
  const gapMs = latencyMs / Math.max(1, events.length)
  for (const [name, value] of Object.entries(reply.getHeaders())) reply.raw.setHeader(name, value ?? '')
  await wait(gapMs, undefined, { signal })
  reply.hijack()
  reply.raw.writeHead(200, {
    'content-type': fault?.name === 'text-plain' ? 'text/plain' : 'text/event-stream; charset=utf-8',
  })
  try {
    for (const [i, event] of events.entries()) {
      if (i > 0) await wait(gapMs, undefined, { signal })
      const bytes = encodeEvent(event, fault)
      const isLast = i === events.length - 1
      if (fault?.name === 'half-body' && isLast) {
        reply.raw.write(bytes.subarray(0, bytes.length >> 1), () => reply.raw.socket?.resetAndDestroy())
        return reply
      }
      for (const chunk of chunks(bytes, fault)) {
        if (fault?.name === 'drip') await wait(fault.ms ?? 20, undefined, { signal })
        reply.raw.write(chunk)
      }
    }
    reply.raw.end()
  } catch {
    // The simulator is closing.
    reply.raw.destroy()
  }
  return reply
}

const dripChunks = 25

function* chunks(bytes: Buffer, fault: FaultDetails | undefined): Generator<Buffer> {
  const step = fault?.name === 'drip' ? Math.ceil(bytes.length / dripChunks) : bytes.length
  for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step)
}
