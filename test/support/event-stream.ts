import { request } from 'undici'

export interface ReceivedEvent {
  /** Undefined for a comment. */
  message?: Record<string, unknown>
}

export interface OpenCall {
  status: number
  headers: Record<string, string | string[] | undefined>
  /** Resolves with the next event or comment, or undefined at the end of the stream. */
  next(): Promise<ReceivedEvent | undefined>
  /** All remaining events. */
  rest(): Promise<ReceivedEvent[]>
  /** Closes the connection. */
  disconnect(): void
}

/** Posts a message over a socket and reads the response event by event. */
export async function openCall(
  url: string,
  message: object,
  headers: Record<string, string> = {},
  accept = 'application/json, text/event-stream',
): Promise<OpenCall> {
  const disconnected = new AbortController()
  const response = await request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept, ...headers },
    body: JSON.stringify(message),
    signal: disconnected.signal,
  })
  const events = readEvents(response.body)
  const next = async () => (await events.next()).value ?? undefined
  return {
    status: response.statusCode,
    headers: response.headers,
    next,
    async rest() {
      const all: ReceivedEvent[] = []
      for await (const event of events) all.push(event)
      return all
    },
    disconnect: () => disconnected.abort(),
  }
}

async function* readEvents(body: AsyncIterable<Buffer>): AsyncGenerator<ReceivedEvent, void> {
  let text = ''
  for await (const chunk of body) {
    text += chunk.toString()
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      const data = text
        .slice(0, end)
        .split('\n')
        .find((line) => line.startsWith('data: '))
      yield data === undefined ? {} : { message: JSON.parse(data.slice('data: '.length)) }
      text = text.slice(end + 2)
    }
  }
  // A response that came quickly is plain JSON.
  if (text.startsWith('{')) yield { message: JSON.parse(text) }
}
