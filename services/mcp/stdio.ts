import type { Readable, Writable } from 'node:stream'
import type { JsonRpcNotification, RequestId } from '../../schemas/json-rpc.ts'
import type { BufferPool } from '../bytes/buffer-pool.ts'
import type { ParsedJson } from '../bytes/json/parse-body.ts'
import { writeJson } from '../bytes/json/writer.ts'
import { createDelivery, type Delivery } from '../calls/delivery.ts'
import type { Logger } from '../logging/logger.ts'
import type { Dispatcher, RequestContext, Response } from './dispatcher.ts'
import { readLines, TOO_LONG } from './line-reader.ts'
import { parseMessage } from './message-parser.ts'
import { invalidRequest, rejection } from './protocol-error.ts'

export interface StdioOptions {
  dispatcher: Dispatcher
  input: Readable
  /** Nothing but messages is written to it. */
  output: Writable
  log: Logger
  /** Bytes of one message. */
  maxMessageBytes: number
  newRequestId: () => string
  /** Where images in messages go. */
  pool: BufferPool
  /**
   * Asked for each request before it is handled; returns what tells that its response is out.
   * @throws ProtocolError where no request is taken any more
   */
  enter: () => () => void
  /** Calls back when waiting is over: what is not out by then never will be. */
  onForceClose: (callback: () => void) => void
}

/** A client that sends more requests at once than these has lost count. */
const MAX_IN_FLIGHT = 64

/**
 * Serves one client over a pair of streams, a message a line, until its input ends and every response is out.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/stdio
 */
export async function serveStdio(options: StdioOptions): Promise<void> {
  const { dispatcher, input, output, log, maxMessageBytes, newRequestId, pool, enter, onForceClose } = options
  const disconnected = new AbortController()
  const inFlight = new Map<RequestId, AbortController>()
  const running = new Set<Promise<unknown>>()
  /** What the handshake of this process settled, for requests that do not say it themselves. */
  let handshakeVersion: string | undefined
  let lastWrite: Promise<unknown> = Promise.resolve()

  // The client has closed its end: there is nobody to tell anything.
  output.on('error', () => disconnected.abort()).on('close', () => disconnected.abort())
  onForceClose(() => disconnected.abort())

  /** Messages go out whole and one after another. Resolves with whether the client's end of the pipe has all of it. */
  function write(message: object): Promise<boolean> {
    const written = lastWrite
      .then(() => send(message))
      .catch((err: unknown) => {
        log.error({ err }, 'a message could not be written whole')
        // The next one begins on a line of its own.
        if (!disconnected.signal.aborted) output.write('\n')
        return false
      })
    lastWrite = written
    return written
  }

  async function send(message: object): Promise<boolean> {
    const line = writeJson(message, { suffix: '\n' })
    try {
      for await (const chunk of line.chunks()) {
        if (disconnected.signal.aborted) return false
        if (!output.write(chunk)) await drained(output, disconnected.signal)
      }
    } finally {
      // What still waits in the stream lies in the memory of the image, which then stays until the process ends.
      if (await flushed(output, disconnected.signal)) await line[Symbol.asyncDispose]()
    }
    return !disconnected.signal.aborted
  }

  function contextOf(signal: AbortSignal, delivery: Delivery): RequestContext {
    return {
      transport: 'stdio',
      assumedVersion: handshakeVersion,
      caller: 'stdio',
      requestId: newRequestId(),
      signal,
      response: { openedAt: 0, track: () => delivery },
      log,
      notify: (notification: JsonRpcNotification) => {
        if (!signal.aborted) void write(notification)
      },
    }
  }

  async function respond(body: ParsedJson): Promise<void> {
    const { value: message } = body
    const id = idOf(message)
    const cancelled = new AbortController()
    const signal = AbortSignal.any([disconnected.signal, cancelled.signal])
    const { delivery, advance } = createDelivery()
    const context = contextOf(signal, delivery)
    let exit = () => {}
    try {
      if (inFlight.size >= MAX_IN_FLIGHT) throw rejection(503, 'Too many requests at once.')
      exit = enter()
      // Two requests under one id cannot be told apart; the later one is the one that can be cancelled.
      if (id !== undefined) inFlight.set(id, cancelled)
      const reply = await dispatcher.handle(message, context)
      handshakeVersion = versionOf(message, reply) ?? handshakeVersion
      // Nothing more is said of what was cancelled.
      if (cancelled.signal.aborted) await writeJson(reply.body ?? null)[Symbol.asyncDispose]()
      else if (await say(reply)) advance({ state: 'delivered', proof: 'flushed' })
    } catch (error) {
      await say(dispatcher.reject(error, message, context))
    } finally {
      // After the last word, delivered or not.
      advance({ state: 'abandoned' })
      exit()
      if (id !== undefined && inFlight.get(id) === cancelled) inFlight.delete(id)
      body[Symbol.dispose]()
    }
  }

  async function say({ body }: Response): Promise<boolean> {
    return body === undefined || (await write(body))
  }

  function take(line: Buffer | typeof TOO_LONG): Promise<unknown> | undefined {
    const reject = (error: unknown) =>
      say(dispatcher.reject(error, undefined, contextOf(disconnected.signal, createDelivery().delivery)))
    if (line === TOO_LONG)
      return reject(invalidRequest(`The message is larger than ${maxMessageBytes} bytes (MAX_BODY_BYTES).`))
    let body: ParsedJson
    try {
      body = parseMessage(line, pool)
    } catch (error) {
      return reject(error)
    }
    const cancelled = cancelledId(body.value)
    if (cancelled === undefined) return respond(body)
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

/** Resolves when everything written before is out or the stream has let go of it; false: waiting was over before. */
function flushed(output: Writable, disconnected: AbortSignal): Promise<boolean> {
  return beforeDisconnect(disconnected, (resolve) => void output.write('', () => resolve()))
}

/** Resolves when there is room again, or never will be. */
function drained(output: Writable, disconnected: AbortSignal): Promise<boolean> {
  return beforeDisconnect(disconnected, (resolve) => {
    const done = () => {
      output.off('drain', done).off('close', done)
      resolve()
    }
    output.on('drain', done).on('close', done)
    if (output.closed) done()
  })
}

/** Whether something happened before waiting was over. */
function beforeDisconnect(disconnected: AbortSignal, wait: (resolve: () => void) => void): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const giveUp = () => resolve(false)
  disconnected.addEventListener('abort', giveUp, { once: true })
  wait(() => {
    disconnected.removeEventListener('abort', giveUp)
    resolve(true)
  })
  if (disconnected.aborted) setImmediate(giveUp)
  return promise
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

function versionOf(message: unknown, { body }: Response): string | undefined {
  const isHandshake =
    typeof message === 'object' && message !== null && 'method' in message && message.method === 'initialize'
  if (!isHandshake || body === undefined || Array.isArray(body) || !('result' in body)) return undefined
  return 'protocolVersion' in body.result ? String(body.result.protocolVersion) : undefined
}
