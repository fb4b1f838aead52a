import type { FastifyReply } from 'fastify'
import type { HttpContext } from '../shared/context.ts'
import { sendEvents } from '../shared/replies.ts'
import { type EventStream, eventOf, lastEventOf } from '../shared/sse-writer.ts'
import { logFailure, toOpenAiError } from './errors.ts'
import type { UnwrittenResponse } from './images-response.ts'

export interface StreamOptions {
  response: Promise<UnwrittenResponse>
  /** The start of the names of the events. */
  name: string
  /** Milliseconds after which the stream is opened without a response; a failure before has a status of its own. */
  streamAfterMs: number
  commentEveryMs: number
}

/**
 * Sends a response as events, one for each image, with comments while there is none.
 * https://developers.openai.com/api/docs/api-reference/images-streaming
 */
export async function streamEvents(
  reply: FastifyReply,
  context: HttpContext,
  { response, name, streamAfterMs, commentEveryMs }: StreamOptions,
): Promise<FastifyReply> {
  const { promise, resolve, reject } = Promise.withResolvers<FastifyReply>()
  let stream: EventStream | undefined

  function openStream(): EventStream {
    if (stream !== undefined) return stream
    const opened = sendEvents(reply, commentEveryMs)
    stream = opened.stream
    resolve(opened.sent)
    return stream
  }
  const timer = setTimeout(() => openStream().open(), streamAfterMs).unref()

  function finish(kind: string, events: readonly object[]): void {
    const opened = openStream()
    for (const event of events.slice(0, -1)) opened.send(eventOf(kind, event))
    opened.finish(lastEventOf(kind, events.at(-1) ?? {}))
  }

  response
    .then((ready) => finish(`${name}.completed`, completedEvents(`${name}.completed`, ready)))
    .catch((error: unknown) => {
      if (stream === undefined) {
        reject(error)
        return
      }
      logFailure(error, context)
      finish('error', [toOpenAiError(error, context).body])
    })
    .finally(() => clearTimeout(timer))
  return await promise
}

/** The usage is that of the whole call, and stands in the last event. */
function completedEvents(type: string, { created, data, size, usage, notes, ...facts }: UnwrittenResponse): object[] {
  return data.map(({ b64_json, ...image }, index) => ({
    type,
    created_at: created,
    b64_json,
    ...image,
    ...facts,
    size: b64_json === undefined ? size : `${b64_json.width}x${b64_json.height}`,
    ...(index === data.length - 1 ? { usage, notes } : {}),
  }))
}
