import type { Readable, Writable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import type { JsonRpcNotification, RequestId } from '../../schemas/json-rpc.ts'
import type { Caller } from '../auth/authenticator.ts'
import type { BufferPool } from '../bytes/buffer-pool.ts'
import type { ParsedJson } from '../bytes/json/parse-body.ts'
import { createCallScope } from '../calls/call-scope.ts'
import { createDelivery } from '../calls/delivery.ts'
import { cutOffRejection } from '../calls/drain.ts'
import { Rejection } from '../errors/rejection.ts'
import { libraryAccess } from '../library/access.ts'
import type { Logger } from '../logging/logger.ts'
import type { Trace } from '../telemetry/trace.ts'
import type { Dispatcher } from './dispatcher.ts'
import { cancelledId, envelopeError, isBody, isClientResponse, methodOf } from './envelope.ts'
import { readLines, TOO_LONG } from './line-reader.ts'
import { parseMessage } from './message-parser.ts'
import { createMessageWriter } from './message-writer.ts'
import { listen } from './methods/subscriptions.ts'
import { invalidRequest } from './protocol-error.ts'
import type { Connection, HandshakeClient, McpContext, Response } from './types.ts'

export interface StdioOptions {
  dispatcher: Dispatcher
  input: Readable
  /** Nothing but messages is written to it. */
  output: Writable
  log: Logger
  /** Where traces begin. */
  trace: Trace
  /** Bytes of one message. */
  maxMessageBytes: number
  /** Milliseconds that a call may take, everything included. */
  callDeadlineMs: number
  newRequestId: () => string
  /** For images in messages. */
  pool: BufferPool
  /**
   * Called for each request before it is handled; returns what reports that its response was sent.
   * @throws Rejection during shutdown
   */
  enter: () => () => void
  /** Registers what to do when the grace period of the shutdown is over. */
  onForceClose: (callback: () => void) => void
}

/** More requests at once than these are a client's mistake. */
const MAX_IN_FLIGHT = 64

/** Milliseconds for the last messages, after which a client that does not read gets none. */
const LAST_MESSAGES_MS = 300

/** The process that started this one. */
const caller: Caller = { id: 'stdio', rateLimitKey: 'stdio', isAnonymous: false }
/** The client is a program of the user on this machine. */
const access = libraryAccess({ isAuthenticated: false, isLocal: true, isShared: false }, caller, false)

/**
 * Serves one client over a pair of streams, a message a line, until its input ends and every response is written.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/stdio
 */
export async function serveStdio(options: StdioOptions): Promise<void> {
  const { dispatcher, input, output, log, maxMessageBytes, callDeadlineMs, newRequestId, pool, enter, onForceClose } =
    options
  const disconnected = new AbortController()
  const inFlight = new Map<RequestId, AbortController>()
  /** Subscriptions, which take no one's turn. */
  const listening = new Map<RequestId, AbortController>()
  const running = new Set<Promise<unknown>>()
  /** Of each request without a response yet: what responds to it when the shutdown no longer waits. */
  const waiting = new Set<() => Promise<unknown>>()
  /** As it introduced itself in the handshake, whose revision holds for requests that do not name one. */
  let client: HandshakeClient | undefined
  const writer = createMessageWriter(output, disconnected.signal, log)
  const ended = new AbortController()
  const connection: Connection = {
    closed: AbortSignal.any([disconnected.signal, ended.signal]),
    send: (notification) => writer.write(notification),
  }

  // The client has closed its end of the pipe.
  output.on('error', () => disconnected.abort()).on('close', () => disconnected.abort())
  onForceClose(() => {
    const messages = Promise.all(Array.from(waiting, (cutOff) => cutOff()))
    void Promise.race([messages, pause(LAST_MESSAGES_MS, undefined, { ref: false })]).then(() => disconnected.abort())
  })

  function createContext(signal: AbortSignal) {
    const send = async (message: JsonRpcNotification) => {
      if (!signal.aborted) await writer.write(message)
    }
    return {
      id: newRequestId(),
      caller,
      access,
      door: 'stdio',
      signal,
      get isCancelled() {
        return signal.aborted
      },
      deadlineAt: performance.now() + callDeadlineMs,
      log,
      trace: options.trace,
      ...createCallScope(),
      isDetached: false,
      client,
      delivery: createDelivery(0),
      sentRequests: 0,
      assumedVersion: client?.protocolVersion,
      introduce(introduced: HandshakeClient) {
        client = introduced
      },
      progress() {},
      notify: send,
      ask: send,
      connection,
    } satisfies McpContext
  }

  async function respond(body: ParsedJson): Promise<void> {
    const { value: message } = body
    const isValid = isBody(message)
    const id = isValid && !Array.isArray(message) ? message.id : undefined
    const cancelled = new AbortController()
    const isSubscription = methodOf(message) === listen.name
    const open = isSubscription ? listening : inFlight
    const context = createContext(AbortSignal.any([disconnected.signal, cancelled.signal]))
    context.scope.use(body)
    let exit = () => {}
    let isCutOff = false
    const cutOff = () => {
      isCutOff = true
      return send(dispatcher.cutOff(cutOffRejection(context), message, context))
    }
    try {
      if (!isSubscription && inFlight.size >= MAX_IN_FLIGHT) throw new Rejection(503, 'Too many requests at once.')
      exit = enter()
      // Of two requests with one id only the later one can be cancelled.
      if (id !== undefined) open.set(id, cancelled)
      if (!isValid) throw envelopeError(message)
      if (id !== undefined) waiting.add(cutOff)
      const response = await dispatcher.handle(message, context).finally(() => waiting.delete(cutOff))
      // A cancelled request gets no response.
      if (!cancelled.signal.aborted && !isCutOff && (await send(response))) {
        context.delivery.report({ state: 'delivered', proof: 'flushed' })
        if (isSubscription) await announceEnd(response)
      }
    } catch (error) {
      await send(dispatcher.reject(error, message, context))
    } finally {
      // If it was not delivered by now, it never will be.
      context.delivery.report({ state: 'abandoned' })
      exit()
      if (id !== undefined && open.get(id) === cancelled) open.delete(id)
      // After a disconnect the stream may still reference the memory of images, which then lasts as long as the process.
      if (await writer.isFlushed()) {
        await context.scope.disposeAsync().catch((err: unknown) => log.warn({ err }, 'image buffer release failed'))
      }
    }
  }

  async function send({ body }: Response): Promise<boolean> {
    return body === undefined || (await writer.write(body))
  }

  /** https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/cancellation: the end of a stream is announced here. */
  async function announceEnd({ body }: Response): Promise<void> {
    if (body === undefined || Array.isArray(body) || !('result' in body)) return
    await writer.write({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: body.id } })
  }

  async function reject(error: unknown): Promise<void> {
    await send(dispatcher.reject(error, undefined, createContext(disconnected.signal)))
  }

  function handleLine(line: Buffer | typeof TOO_LONG): Promise<void> | undefined {
    if (line === TOO_LONG) {
      return reject(invalidRequest(`The message is larger than ${maxMessageBytes} bytes (MAX_BODY_BYTES).`))
    }
    let body: ParsedJson
    try {
      body = parseMessage(line, pool)
    } catch (error) {
      return reject(error)
    }
    const cancelled = cancelledId(body.value)
    // However many requests wait, the response to a question must come through.
    if (isClientResponse(body.value)) {
      void dispatcher.handle(body.value, createContext(disconnected.signal))
      return undefined
    }
    if (cancelled === undefined) return respond(body)
    const running = inFlight.get(cancelled) ?? listening.get(cancelled)
    running?.abort()
    return undefined
  }

  for await (const line of readLines(input, maxMessageBytes)) {
    const work = handleLine(line)
    if (work === undefined) continue
    const tracked = work.finally(() => running.delete(tracked))
    running.add(tracked)
  }
  dispatcher.endQuestions()
  ended.abort()
  connection.notices?.[Symbol.dispose]()
  for (const subscription of listening.values()) subscription.abort()
  await Promise.all(running)
  await writer.idle()
}
