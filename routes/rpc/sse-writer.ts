import { Readable } from 'node:stream'

/** Unread events beyond this number replace the oldest ones. */
const MAX_WAITING = 32

const COMMENT = Buffer.from(':\n\n')
const EVENT_END = Buffer.from('\n\n')

type Event = Buffer | AsyncIterable<Buffer>

export interface EventStream {
  /** The bytes for the client, produced as fast as it reads. */
  readonly readable: Readable
  /** Sends a notification; the oldest ones are dropped if the client reads too slowly. */
  notify(message: object): void
  /** Sends a comment at once, and then whenever the stream is silent, so that clients and proxies do not time out. */
  open(): void
  /** Sends a comment now, if nothing else waits to be sent: it fails if the client is gone. */
  probe(): void
  /** Sends the response, an event without the blank line at its end, and ends. */
  finish(response?: Event): void
}

/**
 * Server-sent events of one request: notifications while it runs, comments during silence, the response last.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html
 *
 * @param end ends the HTTP response with the last bytes of the event, in one write: the official Python client closes the
 *   connection once it has the response, and an end that it has not read would make that a reset, as if the response had
 *   not been read
 */
export function createEventStream(commentEveryMs: number, end: (lastBytes: Buffer) => void): EventStream {
  const waiting: Event[] = []
  let wake = Promise.withResolvers<void>()
  let finished = false
  let hasResponse = false
  let timer: NodeJS.Timeout | undefined

  function push(event: Event): void {
    waiting.push(event)
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
    try {
      while (true) {
        for (let event = waiting.shift(); event !== undefined; event = waiting.shift()) {
          if (Buffer.isBuffer(event)) yield event
          else yield* event
        }
        if (finished) return
        await wake.promise
        wake = Promise.withResolvers()
      }
    } finally {
      clearInterval(timer)
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
    notify(message) {
      if (finished) return
      if (waiting.length >= MAX_WAITING) waiting.shift()
      push(Buffer.from(`event: message\ndata: ${JSON.stringify(message)}\n\n`))
    },
    finish(response) {
      finished = true
      // A stream that is never read does not reach the generator's `finally`.
      clearInterval(timer)
      hasResponse = response !== undefined
      if (response !== undefined) waiting.push(response)
      wake.resolve()
    },
  }
}
