import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Delivery } from '../../services/calls/delivery.ts'
import type { CallContext, Door } from '../../services/calls/types.ts'
import type { LibraryAccess } from '../../services/library/access.ts'
import type { Logger } from '../../services/logging/logger.ts'
import type { Trace } from '../../services/telemetry/trace.ts'
import { tracedLog } from '../../services/telemetry/traced-log.ts'
import { type DeliveryTimes, trackDeliveries } from './delivery.ts'
import { single } from './request-headers.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Created by the first part of the route that needs it. */
    callContext: HttpContext | null
  }
}

/** What the contexts of a door have in common. */
export interface HttpContextOptions {
  door: Door
  /** Milliseconds that a call may take, everything included. */
  deadlineMs: number
  deliveryOf: (request: FastifyRequest, reply: FastifyReply) => Delivery
  accessOf: (request: FastifyRequest) => LibraryAccess
  baseUrlOf: (request: FastifyRequest) => string | undefined
  traceOf: (request: FastifyRequest) => Trace
}

/** Returns the context of a request, the same for as long as it lives; the connection's end cancels it. */
export type ContextOf<C extends HttpContext> = (request: FastifyRequest, reply: FastifyReply) => C

/** @param Context the contexts of this door */
export function createContexts<C extends HttpContext>(
  fastify: FastifyInstance,
  door: Door,
  times: DeliveryTimes,
  Context: new (request: FastifyRequest, reply: FastifyReply, options: HttpContextOptions) => C,
): ContextOf<C> {
  const options = {
    door,
    deadlineMs: fastify.config.limits.callDeadlineMs,
    deliveryOf: trackDeliveries(fastify, times),
    accessOf: fastify.libraryAccess,
    baseUrlOf: fastify.baseUrlOf,
    traceOf: fastify.traceOf,
  }
  fastify.decorateRequest('callContext', null)
  fastify.onResponseClose(({ callContext }, { raw }) => {
    if (!raw.writableFinished && callContext instanceof Context) callContext.cancel()
  })
  return (request, reply) => {
    const { callContext } = request
    if (callContext instanceof Context) return callContext
    const created = new Context(request, reply, options)
    request.callContext = created
    return created
  }
}

function ignoreProgress(): void {}

/** The context of a request over HTTP. Most requests need little of it, so getters create the rest on demand. */
export class HttpContext implements CallContext {
  readonly deadlineAt: number
  sentRequests = 0
  isDetached = false
  progress: (stage: string) => void = ignoreProgress
  readonly #request: FastifyRequest
  readonly #reply: FastifyReply
  readonly #options: HttpContextOptions
  #isCancelled = false
  #disconnected: AbortController | undefined
  #delivery: Delivery | undefined
  #access: LibraryAccess | undefined
  #log: Logger | undefined

  constructor(request: FastifyRequest, reply: FastifyReply, options: HttpContextOptions) {
    this.deadlineAt = performance.now() + options.deadlineMs
    this.#request = request
    this.#reply = reply
    this.#options = options
  }

  get id() {
    return this.#request.id
  }

  get log() {
    this.#log ??= tracedLog(this.#request.log, this.trace)
    return this.#log
  }

  get trace() {
    return this.#options.traceOf(this.#request)
  }

  get caller() {
    return this.#request.caller
  }

  get access() {
    this.#access ??= this.#options.accessOf(this.#request)
    return this.#access
  }

  get baseUrl() {
    return this.#options.baseUrlOf(this.#request)
  }

  get door() {
    return this.#options.door
  }

  get idempotencyKey() {
    return single(this.#request.headers['idempotency-key'])
  }

  /** Clients of OpenAI's API expect every image in its response. */
  get takesWholeImages() {
    return this.door === 'openai'
  }

  get scope() {
    return this.#request.lifecycle.scope
  }

  outlive(work: Promise<unknown>): void {
    const { lifecycle } = this.#request
    lifecycle.begin()
    const end = () => lifecycle.end()
    work.then(end, end)
  }

  get delivery() {
    this.#delivery ??= this.#options.deliveryOf(this.#request, this.#reply)
    return this.#delivery
  }

  /**
   * Not `request.signal`, which follows the request message: that one closes as soon as its body has been read.
   */
  get signal() {
    this.#disconnected ??= new AbortController()
    if (this.isCancelled) this.#disconnected.abort()
    return this.#disconnected.signal
  }

  get isCancelled() {
    // The client may have disconnected before there was a context.
    return this.#isCancelled || (this.#reply.raw.destroyed && !this.#reply.raw.writableFinished)
  }

  /** The connection closed before the response was sent, or the shutdown no longer waits for it. */
  cancel(): void {
    this.#isCancelled = true
    this.#disconnected?.abort()
  }
}
