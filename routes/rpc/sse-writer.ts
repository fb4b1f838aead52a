import { Readable } from 'node:stream'

/** More unread events than these, and the oldest progress is of no interest any more. */
const MAX_WAITING = 32

const COMMENT = Buffer.from(':\n\n')

type Event = Buffer | AsyncIterable<Buffer>

export interface EventStream {
  /** What goes to the caller. Read only as fast as the caller reads. */
  readonly readable: Readable
  /** Resolves when there is something to tell before the response. */
  readonly opened: Promise<void>
  /** Sends a message of its own; dropped if the caller does not keep up. */
  notify(message: object): void
  /** Opens the stream with a comment if it is not open, so that client and proxies see life at once. */
  open(): void
  /** Sends the response and ends. */
  finish(response?: Event): void
}

/**
 * Server-sent events of one request: notifications while it runs, comments where there is silence, the response last.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export function createEventStream(commentEveryMs: number): EventStream {
  const waiting: Event[] = []
  const opened = Promise.withResolvers<void>()
  let wake = Promise.withResolvers<void>()
  let finished = false
  let timer: NodeJS.Timeout | undefined

  function push(event: Event): void {
    waiting.push(event)
    wake.resolve()
    timer?.refresh()
  }

  function open(): void {
    opened.resolve()
    if (finished || timer !== undefined) return
    // The headers go out with the first bytes, and some clients wait no more than ten seconds for them.
    push(COMMENT)
    timer = setInterval(() => {
      if (waiting.length === 0) push(COMMENT)
    }, commentEveryMs).unref()
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
  return {
    get readable() {
      readable ??= Readable.from(events(), { objectMode: false })
      return readable
    },
    opened: opened.promise,
    open,
    notify(message) {
      if (finished) return
      if (waiting.length >= MAX_WAITING) waiting.shift()
      open()
      push(Buffer.from(`event: message\ndata: ${JSON.stringify(message)}\n\n`))
    },
    finish(response) {
      finished = true
      // Nobody may ever have read it, so the end of reading is not enough.
      clearInterval(timer)
      if (response !== undefined) waiting.push(response)
      wake.resolve()
    },
  }
}
