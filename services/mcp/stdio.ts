import type { Readable, Writable } from 'node:stream'
import type { JsonRpcNotification, RequestId } from '../../schemas/json-rpc.ts'
import { spliceJson } from '../images/json-splice.ts'
import type { Logger } from '../logger.ts'
import type { Answer, Dispatcher, RequestContext } from './dispatcher.ts'
import { type ParsedBody, parseJsonBody } from './json-body.ts'
import { readLines, TOO_LONG } from './lines.ts'
import { invalidRequest, refusal } from './protocol-error.ts'
import { noPictures } from './sent-pictures.ts'

export interface StdioOptions {
  dispatcher: Dispatcher
  input: Readable
  /** Nothing but messages is written to it. */
  output: Writable
  log: Logger
  /** Bytes of one message. */
  maxMessageBytes: number
  newRequestId: () => string
}

/** A client that sends more requests at once than these has lost count. */
const MAX_IN_FLIGHT = 64

/**
 * Serves one client over a pair of streams, a message a line, until its input ends and every answer is out.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/stdio
 */
export async function serveStdio(options: StdioOptions): Promise<void> {
  const { dispatcher, input, output, log, maxMessageBytes, newRequestId } = options
  const gone = new AbortController()
  const inFlight = new Map<RequestId, AbortController>()
  const running = new Set<Promise<void>>()
  /** What the handshake of this process settled, for requests that do not say it themselves. */
  let handshakeVersion: string | undefined
  let lastWrite: Promise<void> = Promise.resolve()

  // The client has closed its end: there is nobody to tell anything.
  output.on('error', () => gone.abort()).on('close', () => gone.abort())

  /** Messages go out whole and one after another. */
  function write(message: object): Promise<void> {
    lastWrite = lastWrite
      .then(() => send(message))
      .catch((err: unknown) => {
        log.error({ err }, 'a message could not be written whole')
        // The next one begins on a line of its own.
        if (!gone.signal.aborted) output.write('\n')
      })
    return lastWrite
  }

  async function send(message: object): Promise<void> {
    const line = spliceJson(message, { suffix: '\n' })
    try {
      for await (const chunk of line.chunks()) {
        if (gone.signal.aborted) return
        if (!output.write(chunk)) await drained(output)
      }
    } finally {
      // What was taken may still wait in the stream, and lies in the memory of the picture.
      if (line.whole === undefined) await flushed(output)
      await line.release()
    }
  }

  function contextOf(signal: AbortSignal, requestId: string, pictures = noPictures): RequestContext {
    return {
      transport: 'stdio',
      assumedVersion: handshakeVersion,
      caller: 'stdio',
      requestId,
      signal,
      pictures,
      log,
      notify: (notification: JsonRpcNotification) => {
        if (!signal.aborted) void write(notification)
      },
    }
  }

  async function answer({ message, pictures }: ParsedBody): Promise<void> {
    const id = idOf(message)
    const leaving = new AbortController()
    const signal = AbortSignal.any([gone.signal, leaving.signal])
    const context = contextOf(signal, newRequestId(), pictures)
    try {
      if (inFlight.size >= MAX_IN_FLIGHT)
        return await say(dispatcher.refuse(refusal(503, 'Too many requests at once.'), message, context))
      // Two requests under one id cannot be told apart; the later one is the one that can be cancelled.
      if (id !== undefined) inFlight.set(id, leaving)
      const reply = await dispatcher.handle(message, context)
      handshakeVersion = versionOf(message, reply) ?? handshakeVersion
      // Nothing more is said of what was cancelled.
      if (leaving.signal.aborted) await spliceJson(reply.body ?? null).release()
      else await say(reply)
    } finally {
      if (id !== undefined && inFlight.get(id) === leaving) inFlight.delete(id)
      pictures.release()
    }
  }

  async function say({ body }: Answer): Promise<void> {
    if (body !== undefined) await write(body)
  }

  function take(line: Buffer | typeof TOO_LONG): Promise<void> | undefined {
    const refuse = (error: unknown) => say(dispatcher.refuse(error, undefined, contextOf(gone.signal, newRequestId())))
    if (line === TOO_LONG)
      return refuse(invalidRequest(`The message is larger than ${maxMessageBytes} bytes (MAX_BODY_BYTES).`))
    let body: ParsedBody
    try {
      body = parseJsonBody(line)
    } catch (error) {
      return refuse(error)
    }
    const cancelled = cancelledId(body.message)
    if (cancelled === undefined) return answer(body)
    inFlight.get(cancelled)?.abort()
    return undefined
  }

  for await (const line of readLines(input, maxMessageBytes)) {
    const work = take(line)
    if (work === undefined) continue
    const tracked = work.finally(() => running.delete(tracked))
    running.add(tracked)
  }
  await Promise.all(running)
  await lastWrite
}

/** Resolves when everything written before is out, or never will be. */
function flushed(output: Writable): Promise<void> {
  return new Promise((resolve) => void output.write('', () => resolve()))
}

/** Resolves when there is room again, or never will be. */
function drained(output: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      output.off('drain', done).off('close', done)
      resolve()
    }
    output.on('drain', done).on('close', done)
    if (output.closed) done()
  })
}

function idOf(message: unknown): RequestId | undefined {
  const id = typeof message === 'object' && message !== null && 'id' in message ? message.id : undefined
  return typeof id === 'string' || typeof id === 'number' ? id : undefined
}

function cancelledId(message: unknown): RequestId | undefined {
  if (typeof message !== 'object' || message === null || !('method' in message) || !('params' in message))
    return undefined
  if (message.method !== 'notifications/cancelled' || typeof message.params !== 'object') return undefined
  return idOf({ id: message.params !== null && 'requestId' in message.params ? message.params.requestId : undefined })
}

function versionOf(message: unknown, { body }: Answer): string | undefined {
  const isHandshake =
    typeof message === 'object' && message !== null && 'method' in message && message.method === 'initialize'
  if (!isHandshake || body === undefined || Array.isArray(body) || !('result' in body)) return undefined
  return 'protocolVersion' in body.result ? String(body.result.protocolVersion) : undefined
}
