import { Readable } from 'node:stream'
import { writeJson } from '../../services/bytes/json/writer.ts'

/** No proxy may buffer or change the stream. */
export const STREAM_HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
}

/** Unread events beyond this number replace the oldest ones. */
const MAX_WAITING = 32

const COMMENT = Buffer.from(':\n\n')
const EVENT_END = Buffer.from('\n\n')

/** With the blank line at its end, except for the response. */
type Event = Buffer | AsyncIterable<Buffer>

interface Waiting {
  event: Event
  /** The client's connection has taken it, or it was dropped. */
  taken?: () => void
}

export interface EventStream {
  /** The bytes for the client, produced as fast as it reads. */
  readonly readable: Readable
  /**
   * Sends an event before the response; the oldest ones are dropped if the client reads too slowly and the sender does not
   * wait.
   * @returns what resolves when the connection has taken it
   */
  notify(event: Event): Promise<void>
  /** Sends an event that is never dropped: there may be only a few of them. */
  send(event: Event): void
  /** Sends a comment at once, and then whenever the stream is silent, so that clients and proxies do not time out. */
  open(): void
  /** Sends a comment now, if nothing else waits to be sent: it fails if the client is gone. */
  probe(): void
  /** Sends the response, an event without the blank line at its end, and ends. */
  finish(response?: Event): void
}

/**
 * Server-sent events of one request: events while it runs, comments during silence, the response last.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html
 *
 * @param end ends the HTTP response with the last bytes of the event, in one write: the official Python client closes the
 *   connection once it has the response, and an end that it has not read would make that a reset, as if the response had
 *   not been read
 */
export function createEventStream(commentEveryMs: number, end: (lastBytes: Buffer) => void): EventStream {
  const waiting: Waiting[] = []
  let wake = Promise.withResolvers<void>()
  let finished = false
  let hasResponse = false
  let timer: NodeJS.Timeout | undefined

  function push(event: Event, taken?: () => void): void {
    waiting.push({ event, ...(taken && { taken }) })
    wake.resolve()
    timer?.refresh()
  }

  function open(): void {
    if (finished || timer !== undefined) return
    // The headers are sent with the first bytes, and some clients wait only ten seconds for them.
    push(COMMENT)
    timer = setInterval(probe, commentEveryMs).unref()
  }

  async function* events(): AsyncGenerator<Buffer> {
    let next: Waiting | undefined
    try {
      while (true) {
        for (next = waiting.shift(); next !== undefined; next = waiting.shift()) {
          if (Buffer.isBuffer(next.event)) yield next.event
          else yield* next.event
          next.taken?.()
        }
        if (finished) return
        await wake.promise
        wake = Promise.withResolvers()
      }
    } finally {
      clearInterval(timer)
      // The client may have disconnected: who waits for it waits in vain.
      for (const each of [next, ...waiting]) each?.taken?.()
    }
  }

  let readable: Readable | undefined
  function probe(): void {
    if (!finished && waiting.length === 0) push(COMMENT)
  }

  return {
    probe,
    get readable() {
      readable ??= Readable.from(events(), { objectMode: false }).once('end', () => {
        if (hasResponse) end(EVENT_END)
      })
      return readable
    },
    open,
    async notify(event) {
      if (finished) return
      // What has a sender that may wait; anything else is needed.
      const oldest = waiting.length < MAX_WAITING ? -1 : waiting.findIndex(({ taken }) => taken !== undefined)
      if (oldest !== -1) waiting.splice(oldest, 1)[0]?.taken?.()
      const { promise, resolve } = Promise.withResolvers<void>()
      push(event, resolve)
      await promise
    },
    send(event) {
      if (!finished) push(event)
    },
    finish(response) {
      finished = true
      // A stream that is never read does not reach the generator's `finally`.
      clearInterval(timer)
      hasResponse = response !== undefined
      if (response !== undefined) waiting.push({ event: response })
      wake.resolve()
    },
  }
}

/** The last event of a stream, which `finish` ends. @param name of the event */
export const lastEventOf = (name: string, message: object): Event => eventOf(name, message, '')

/** @param name of the event */
export function eventOf(name: string, message: object, suffix = '\n\n'): Event {
  const json = writeJson(message, { prefix: `event: ${name}\ndata: `, suffix })
  return json.whole === undefined ? json.chunks() : Buffer.from(json.whole)
}
