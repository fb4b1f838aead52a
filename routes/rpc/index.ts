import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import cors, { type FastifyCorsOptions } from '@fastify/cors'
import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type JsonBody, writeJson } from '../../services/bytes/json/writer.ts'
import type { RejectionContext, RequestContext, Response } from '../../services/mcp/dispatcher.ts'
import { messageSchema } from '../../services/mcp/dispatcher.ts'
import { parseMessage } from '../../services/mcp/message-parser.ts'
import { invalidRequest, parseError, rejection } from '../../services/mcp/protocol-error.ts'
import { defaultTiming } from '../../services/mcp/timeouts.ts'
import { rejectMethods } from './allowed-methods.ts'
import { readBody } from './body-parser.ts'
import { type Accepted, readAccept } from './content-negotiation.ts'
import { checkContentType } from './content-type.ts'
import { trackDeliveries } from './delivery.ts'
import { discardBody } from './discard-body.ts'
import { toProtocolError } from './errors.ts'
import { createEventStream, type EventStream } from './sse-writer.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Overrides the options of @fastify/cors for one route. */
    cors?: FastifyCorsOptions
  }
}

/** `POST /` and `POST /mcp`: JSON-RPC over HTTP. Whatever goes wrong here is answered in JSON-RPC's envelope. */
export default async function rpc(fastify: FastifyInstance): Promise<void> {
  const { mcp, config, drain } = fastify
  const timing = { ...defaultTiming, ...fastify.appOptions.timing }
  const { streamAfterMs, commentEveryMs, stallMs, headwayMs } = timing
  const deliveries = trackDeliveries(fastify, timing)

  fastify.setValidatorCompiler(TypeBoxValidatorCompiler)
  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser(
    /^application\/(?:[\w.-]+\+)?json(?:;|$)/i,
    function parseBody(request: FastifyRequest, payload: IncomingMessage, done) {
      const { 'content-length': length } = request.headers
      const announced = length === undefined ? undefined : Number(length)
      const parse = (body: Buffer) => {
        const parsed = fastify.chargeLoop(request, () => parseMessage(body, fastify.bufferPool))
        request.bodyReservation?.onRelease(() => parsed[Symbol.dispose]())
        return parsed
      }
      const { bodyReservation: reservation } = request
      const { rejectBody } = fastify
      readBody(
        payload,
        {
          pool: fastify.bufferPool,
          announced,
          maxBytes: config.limits.maxBodyBytes,
          reservation,
          rejectBody,
          headwayMs,
          parse,
        },
        done,
      )
    },
  )

  fastify.addHook('onRequest', function setRequestId(request, reply, done) {
    reply.header('x-request-id', request.id)
    done()
  })
  fastify.addHook('onRequest', fastify.guardHost)
  fastify.addHook('onRequest', fastify.guardOrigin)
  // Only its own routes: the plugin adds an OPTIONS route for every path.
  await fastify.register(cors, { origin: false, methods: 'POST', strictPreflight: false })
  fastify.addHook('onRequest', function checkHeaders(request, _reply, done) {
    if (request.method === 'POST' && !isPlain(request.headers['content-encoding'])) {
      throw invalidRequest('Send the body as it is: Content-Encoding is not supported.', 415)
    }
    const key = request.headers['idempotency-key']
    if (key !== undefined && !(typeof key === 'string' && IDEMPOTENCY_KEY.test(key))) {
      throw invalidRequest('Idempotency-Key: send one key of 1 to 128 visible ASCII characters.')
    }
    done()
  })

  fastify.addHook('onRequest', checkContentType)

  fastify.addHook('onSend', function setSendTimeout({ raw: { socket } }, _reply, payload, done) {
    // From here on only the caller can be slow; Node lets a silent connection go when this is over.
    if (socket instanceof Socket) socket.setTimeout(stallMs)
    done(null, payload)
  })

  fastify.setErrorHandler(async function responseFailure(error: FastifyError, request: FastifyRequest, reply) {
    // The engine makes the same check and knows the words for it.
    if (error.validation !== undefined && request.body !== undefined) {
      return sendJson(reply, await mcp.handle(request.body, contextOf(request, reply)))
    }
    discardBody(error, request, reply, config.limits.maxBodyBytes)
    const failure = error.validation === undefined ? error : parseError('The body is empty: send one JSON-RPC message.')
    const known = toProtocolError(failure, request.id, config.limits.maxBodyBytes)
    return sendJson(reply, mcp.reject(known, request.body, describeRequest(request)))
  })

  async function respond(request: FastifyRequest, reply: FastifyReply) {
    const accepted = readAccept(request.headers.accept)
    if (!accepted.json && !accepted.stream) {
      throw invalidRequest('Accept application/json or text/event-stream: nothing else is spoken here.', 406)
    }
    // A batch is answered as one JSON array, whatever the caller takes.
    if (!accepted.stream || Array.isArray(request.body)) {
      return sendJson(reply, await handle(request, contextOf(request, reply)))
    }
    return respondStreaming(request, reply, accepted)
  }

  /** A call may outlive its connection, and its body stays in memory as long as it. */
  async function handle(request: FastifyRequest, context: RequestContext): Promise<Response> {
    request.bodyReservation?.retain()
    const running = fastify
      .chargeLoop(request, () => mcp.handle(request.body, context))
      .finally(() => request.bodyReservation?.release())
    return await untilShutdown(running, () => {
      const sentence = 'The service is shutting down, and the call did not end in time.'
      return mcp.reject(rejection(503, sentence, { retryAfterMs: RESTART_MS }), request.body, context)
    })
  }

  /** Resolves with what comes first, the response or the end of waiting for it. */
  function untilShutdown(running: Promise<Response>, instead: () => Response): Promise<Response> {
    const { promise, resolve, reject } = Promise.withResolvers<Response>()
    const forget = drain.onForceClose(() => resolve(instead()))
    running.then(resolve, reject).finally(forget)
    return promise
  }

  function contextOf(
    request: FastifyRequest,
    reply: FastifyReply,
    notify?: NonNullable<RequestContext['notify']>,
  ): RequestContext {
    const signal = disconnectSignal(request, reply)
    const response = deliveries.pathOf(request, reply)
    const idempotencyKey = single(request.headers['idempotency-key'])
    const described = { ...describeRequest(request), idempotencyKey, signal, response }
    return notify === undefined ? described : { ...described, notify }
  }

  /**
   * Fires when the connection closes before the response is out, or when waiting for the response is over. Not
   * `request.signal`: that one follows the request message, which closes as soon as its body has been read.
   */
  function disconnectSignal({ bodyReservation }: FastifyRequest, { raw }: FastifyReply): AbortSignal {
    const disconnected = new AbortController()
    const disconnect = () => disconnected.abort()
    // It may have left while a guard was asking around.
    if (raw.destroyed) disconnect()
    const forget = drain.onForceClose(disconnect)
    // Who hears of it may want to look at the body once more.
    const capacity = raw.closed ? null : bodyReservation
    capacity?.retain()
    raw.once('close', () => {
      forget()
      if (!raw.writableFinished) disconnect()
      capacity?.release()
    })
    return disconnected.signal
  }

  /** Answers in an event stream if there is something to tell before the response or the response takes long. */
  async function respondStreaming(request: FastifyRequest, reply: FastifyReply, accepted: Accepted) {
    const stream = createEventStream(commentEveryMs)
    const timer = setTimeout(stream.open, streamAfterMs).unref()
    const pending = handle(request, contextOf(request, reply, stream.notify))
    const first = await Promise.race([pending, stream.opened])
    clearTimeout(timer)
    if (first === undefined) {
      pending
        .then((response) => finishStream(reply, stream, response))
        .catch((err: unknown) => {
          // Too late for another response; a cut connection is at least no empty one.
          request.log.error({ err }, 'answer could not be sent')
          stream.finish()
          reply.raw.destroy()
        })
      return sendStream(reply, stream)
    }
    const wantsStream = first.status === 200 && (!accepted.json || hasProgressToken(request.body))
    if (!wantsStream) {
      stream.finish()
      return sendJson(reply, first)
    }
    finishStream(reply, stream, first)
    return sendStream(reply, stream)
  }

  /** Web pages that the origin guard accepts may read every response. */
  const readable = {
    origin: true,
    exposedHeaders: ['X-Request-Id', 'Retry-After', 'WWW-Authenticate'],
    // Chromium's maximum, in seconds.
    maxAge: 7200,
  }
  const route = {
    schema: { body: messageSchema },
    bodyLimit: config.limits.maxBodyBytes,
    // Not of preflights, which browsers send without credentials.
    config: { cors: readable },
    helmet: false as const,
    onRequest: [drain.admit, fastify.authenticate, fastify.shedLoad, fastify.limitRequests, fastify.openBody],
  }
  for (const url of ['/', '/mcp']) {
    fastify.post(url, route, respond)
    fastify.options(url, { config: { cors: readable } }, async () => undefined)
  }
  rejectMethods(fastify, '/', ['GET', 'POST', 'OPTIONS'], 'GET, POST')
  rejectMethods(fastify, '/mcp', ['POST', 'OPTIONS'], 'POST')
}

function describeRequest(request: FastifyRequest): RejectionContext {
  const { headers } = request
  return {
    transport: 'http',
    headers: {
      protocolVersion: version(headers['mcp-protocol-version']),
      method: single(headers['mcp-method']),
      name: single(headers['mcp-name']),
    },
    caller: request.caller.id,
    requestId: request.id,
    log: request.log,
  }
}

function sendJson(reply: FastifyReply, { status, body, retryAfterMs }: Response): FastifyReply {
  reply.code(status)
  if (retryAfterMs !== undefined) reply.header('retry-after', Math.ceil(retryAfterMs / 1000))
  if (body === undefined) return reply.send()
  const json = writeJson(body)
  if (reply.raw.destroyed) {
    // Sending would fail, and be counted as one more failure.
    releaseAfter(reply, json)
    return reply.hijack()
  }
  reply.type('application/json; charset=utf-8')
  if (json.whole !== undefined) return reply.send(json.whole)
  releaseAfter(reply, json)
  return reply.header('content-length', json.byteLength).send(json.stream())
}

function sendStream(reply: FastifyReply, stream: EventStream): FastifyReply {
  if (reply.raw.destroyed) return reply.hijack()
  return reply.code(200).headers(STREAM_HEADERS).send(stream.readable)
}

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,128}$/

/** Milliseconds until another process is likely to be there. */
const RESTART_MS = 2_000

const STREAM_HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
}

function finishStream(reply: FastifyReply, stream: EventStream, { body }: Response): void {
  if (body === undefined) {
    stream.finish()
    return
  }
  const event = writeJson(body, { prefix: 'event: message\ndata: ', suffix: '\n\n' })
  releaseAfter(reply, event)
  stream.finish(event.chunks())
}

/** Gives the images of a response back once it is out, or as soon as nobody will read it. */
function releaseAfter({ raw, log }: FastifyReply, json: JsonBody): void {
  const release = () => {
    json[Symbol.asyncDispose]().catch((err: unknown) => log.warn({ err }, 'image buffer release failed'))
  }
  if (raw.closed || raw.destroyed) release()
  else raw.once('close', release)
}

function hasProgressToken(body: unknown): boolean {
  if (typeof body !== 'object' || body === null || !('params' in body)) return false
  const { params } = body
  if (typeof params !== 'object' || params === null || !('_meta' in params)) return false
  const { _meta: meta } = params
  return typeof meta === 'object' && meta !== null && 'progressToken' in meta && meta.progressToken !== null
}

function isPlain(encoding: string | undefined): boolean {
  return encoding === undefined || encoding.trim().toLowerCase() === 'identity'
}

/** Undefined if it is blank; one if a proxy repeats it. */
function version(header: string | string[] | undefined): string | undefined {
  const versions = new Set(
    single(header)
      ?.split(',')
      .map((each) => each.trim()),
  )
  return [...versions].join(', ') || undefined
}

/** Repeated headers are joined by Node; a list can agree with no body. */
function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header
}
