import { type OpenCall, openCall } from './event-stream.ts'

export interface AskedClientOptions {
  version?: string
  capabilities?: object
  clientInfo?: { name: string; version: string }
  /** Of every request. */
  headers?: Record<string, string>
}

// biome-ignore lint/suspicious/noExplicitAny: tests look at whatever the server sent
type Received = any

/** A call of a client that may be asked before it has its result. */
export interface AskedCall {
  readonly stream: OpenCall
  /** The next request of the service. @throws if the stream ends before */
  question(): Promise<Received>
  /** Every message up to the response, which is the last. */
  rest(): Promise<Received[]>
  /** The response. */
  response(): Promise<Received>
}

/** A client of a revision with a handshake, message by message. */
export interface AskedClient {
  /** What the service gave out; undefined: nothing. */
  readonly session: string | undefined
  readonly headers: Record<string, string>
  call(tool: string, args?: object, more?: { id?: number | string; meta?: object; accept?: string }): Promise<AskedCall>
  /** Sends any message. @returns the status */
  send(message: object, headers?: Record<string, string>): Promise<number>
  /** Responds to a question. @returns the status */
  answer(question: { id: string }, result: unknown, headers?: Record<string, string>): Promise<number>
}

let lastId = 0

/** Shakes hands, and keeps the session id if there is one. */
export async function greet(url: string, options: AskedClientOptions = {}): Promise<AskedClient> {
  const {
    version = '2025-11-25',
    capabilities = { elicitation: {} },
    clientInfo = { name: 'asked-client', version: '1' },
  } = options
  const endpoint = `${url}/mcp`
  const params = { protocolVersion: version, capabilities, clientInfo }
  const hello = await openCall(endpoint, { jsonrpc: '2.0', id: 0, method: 'initialize', params }, options.headers)
  await hello.rest()
  const session = hello.headers['mcp-session-id']?.toString()
  const headers = {
    ...options.headers,
    'mcp-protocol-version': version,
    ...(session === undefined ? {} : { 'mcp-session-id': session }),
  }

  async function send(message: object, more: Record<string, string> = {}): Promise<number> {
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
        ...more,
      },
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
    })
    await response.arrayBuffer()
    return response.status
  }

  return {
    session,
    headers,
    send,
    answer: ({ id }, result, more) => send({ id, result }, more),
    async call(name, args = {}, { id = ++lastId, meta, accept } = {}) {
      const _meta = meta === undefined ? {} : { _meta: meta }
      const message = { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args, ..._meta } }
      const stream = await openCall(endpoint, message, headers, accept)
      const seen: Received[] = []
      async function next(): Promise<Received> {
        for (let event = await stream.next(); event !== undefined; event = await stream.next()) {
          if (event.message === undefined) continue
          seen.push(event.message)
          return event.message
        }
        throw new Error(`the stream ended after ${JSON.stringify(seen)}`)
      }
      async function rest(): Promise<Received[]> {
        const all: Received[] = []
        do all.push(await next())
        while ('method' in all.at(-1))
        return all
      }
      return {
        stream,
        async question() {
          for (let message = await next(); ; message = await next()) {
            if ('id' in message && 'method' in message) return message
            if (!('method' in message)) throw new Error(`a response, not a question: ${JSON.stringify(message)}`)
          }
        },
        rest,
        response: async () => (await rest()).at(-1),
      }
    },
  }
}

/** A user who agrees. */
export const accepted = (content: object) => ({ action: 'accept', content })

/** The text of a result. */
export const textOf = (response: Received): string => response.result.content[0].text
