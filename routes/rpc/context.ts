import type { FastifyReply, FastifyRequest } from 'fastify'
import type { JsonRpcNotification } from '../../schemas/json-rpc.ts'
import type { Delivery } from '../../services/calls/delivery.ts'
import type { LibraryAccess } from '../../services/library/access.ts'
import type { McpContext, McpHeaders } from '../../services/mcp/types.ts'
import { readVersion, single } from './request-headers.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Created by the first part of the route that needs it. */
    callContext: HttpContext | null
  }
}

export interface HttpContextOptions {
  /** Milliseconds that a call may take, everything included. */
  deadlineMs: number
  deliveryOf: (request: FastifyRequest, reply: FastifyReply) => Delivery
  accessOf: (request: FastifyRequest) => LibraryAccess
  baseUrlOf: (request: FastifyRequest) => string | undefined
}

function ignoreProgress(): void {}

/** The context of a request over HTTP. Most requests need little of it, so getters create the rest on demand. */
export class HttpContext implements McpContext {
  readonly deadlineAt: number
  sentRequests = 0
  progress: (stage: string) => void = ignoreProgress
  notify: ((notification: JsonRpcNotification) => void) | undefined
  readonly #request: FastifyRequest
  readonly #reply: FastifyReply
  readonly #options: HttpContextOptions
  #isCancelled = false
  #disconnected: AbortController | undefined
  #delivery: Delivery | undefined
  #access: LibraryAccess | undefined

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
    return this.#request.log
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

  get headers(): McpHeaders {
    const { headers } = this.#request
    return {
      protocolVersion: readVersion(headers['mcp-protocol-version']),
      method: single(headers['mcp-method']),
      name: single(headers['mcp-name']),
    }
  }

  get idempotencyKey() {
    return single(this.#request.headers['idempotency-key'])
  }

  get scope() {
    return this.#request.lifecycle.scope
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
