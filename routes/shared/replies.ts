import type { FastifyReply } from 'fastify'
import { writeJson } from '../../services/bytes/json/writer.ts'
import { PROBE } from '../../services/net/half-close.ts'
import { createEventStream, type EventStream, STREAM_HEADERS } from './sse-writer.ts'

/** Sends a body, whose images are read while it is sent. */
export function sendBody(reply: FastifyReply, body: object): FastifyReply {
  // Sending would fail, and be counted as one more failure.
  if (reply.raw.destroyed) return reply.hijack()
  const json = writeJson(body)
  reply.type('application/json; charset=utf-8')
  if (json.whole !== undefined) return reply.send(json.whole)
  return reply.header('content-length', json.byteLength).send(json.stream())
}

/** A response of events. `sent` is what the handler of the route returns. */
export function sendEvents(reply: FastifyReply, commentEveryMs: number): { stream: EventStream; sent: FastifyReply } {
  const stream = createEventStream(commentEveryMs, (lastBytes) => reply.raw.end(lastBytes))
  reply.raw.on(PROBE, stream.probe)
  const sent = reply.raw.destroyed ? reply.hijack() : reply.code(200).headers(STREAM_HEADERS).send(stream.readable)
  return { stream, sent }
}
