import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { ReportedError } from '../errors/errors.ts'
import { createHttpClient, type HttpClientOptions } from '../net/http-client.ts'

/**
 * One HTTP exchange with Azure: connect, send, read. It knows no image and no model, but it knows exactly when the first
 * byte of a request body goes out, because from then on somebody may be paying.
 */

/** A body that can be sent; made anew for every try. `length` is what Content-Length says. */
export type RequestBody = Buffer | { stream: Readable; length: number }

/** Takes a response's bytes as they come. Throwing ends the exchange with that error; a promise holds the sender back. */
export interface ResponseSink {
  write(chunk: Buffer): void | Promise<void>
}

export interface Exchange<S extends ResponseSink> {
  url: URL
  headers: Readonly<Record<string, string>>
  body: RequestBody
  /** Obeyed until the first body byte goes out, and never after. */
  signal: AbortSignal
  /** `performance.now()` at which the exchange is given up, whatever stage it is in. */
  deadlineAt: number
  /** The first byte of the body has gone out. */
  onSent?: () => void
  /** The response's head is there; the sink gets its body. */
  open(status: number, headers: ResponseHeaders): S
}

export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>

export interface Response<S extends ResponseSink> {
  status: number
  headers: ResponseHeaders
  sink: S
}

/** How far an exchange had come when it failed. Only `connecting` proves that nothing was billed. */
export type ExchangeStage = 'connecting' | 'sent' | 'answering'
export type ExchangeFault = 'cancelled' | 'timeout' | 'connect' | 'tls' | 'lost' | 'sink'

/** An exchange that ended without a whole response. `cause` is what undici or the sink threw. */
export class ExchangeError extends Error {
  readonly stage: ExchangeStage
  readonly fault: ExchangeFault
  /** Set once a response had begun. */
  readonly status: number | undefined

  constructor(stage: ExchangeStage, fault: ExchangeFault, cause?: unknown, status?: number) {
    super(`exchange failed: ${fault} while ${stage}`, cause === undefined ? undefined : { cause })
    this.name = 'ExchangeError'
    this.stage = stage
    this.fault = fault
    this.status = status
  }
}

export interface Transport {
  /** @throws ExchangeError */
  post<S extends ResponseSink>(exchange: Exchange<S>): Promise<Response<S>>
  /** Waits for running exchanges, then closes the connections. */
  close(): Promise<void>
}

export function createTransport(options: HttpClientOptions): Transport {
  const connections = createHttpClient(options)
  return {
    post: async (exchange) => runExchange(await connections.get(), exchange, options.connectTimeoutMs),
    close: connections.close,
  }
}

function runExchange<S extends ResponseSink>(
  dispatcher: Dispatcher,
  exchange: Exchange<S>,
  connectTimeoutMs: number,
): Promise<Response<S>> {
  return new Promise((resolve, reject) => {
    const handler = new ExchangeHandler(exchange, connectTimeoutMs, resolve, reject)
    if (handler.settled) return
    const streamed = !Buffer.isBuffer(exchange.body)
    const length = Buffer.isBuffer(exchange.body) ? exchange.body.length : exchange.body.length
    try {
      dispatcher.dispatch(
        {
          origin: exchange.url.origin,
          path: exchange.url.pathname + exchange.url.search,
          method: 'POST',
          headers: { ...exchange.headers, ...(streamed ? { 'content-length': String(length) } : {}) },
          body: Buffer.isBuffer(exchange.body) ? exchange.body : exchange.body.stream,
        },
        handler,
      )
    } catch (error) {
      handler.fail('connect', error)
    }
  })
}

/** undici's view of one exchange. https://undici.nodejs.org/#/docs/api/Dispatcher?id=dispatcherdispatchoptions-handler */
class ExchangeHandler<S extends ResponseSink> implements Dispatcher.DispatchHandler {
  settled = false
  #stage: ExchangeStage = 'connecting'
  #controller: Dispatcher.DispatchController | undefined
  #response: Response<S> | undefined
  /** The sink's unfinished work, if it holds the sender back. */
  #writing: Promise<void> | undefined
  readonly #exchange: Exchange<S>
  readonly #resolve: (response: Response<S>) => void
  readonly #reject: (error: ExchangeError) => void
  readonly #deadline: NodeJS.Timeout
  readonly #connectTimer: NodeJS.Timeout
  readonly #onAbort = () => {
    if (this.#stage === 'connecting') this.fail('cancelled', this.#exchange.signal.reason)
  }

  constructor(
    exchange: Exchange<S>,
    connectTimeoutMs: number,
    resolve: (response: Response<S>) => void,
    reject: (error: ExchangeError) => void,
  ) {
    this.#exchange = exchange
    this.#resolve = resolve
    this.#reject = reject
    const leftMs = Math.max(0, exchange.deadlineAt - performance.now())
    this.#deadline = setTimeout(() => this.fail('timeout'), leftMs)
    // undici's own limit covers one connect, but not a proxy that takes the connection and then says nothing.
    this.#connectTimer = setTimeout(
      () => this.fail('connect', new ReportedError('no connection in time')),
      connectTimeoutMs,
    )
    exchange.signal.addEventListener('abort', this.#onAbort, { once: true })
    if (exchange.signal.aborted) this.#onAbort()
  }

  /** Ends the exchange with an error; the connection is given up, whatever was under way on it. */
  fail(fault: ExchangeFault, cause?: unknown) {
    if (this.settled) return
    this.#settle()
    const error = new ExchangeError(this.#stage, fault, cause, this.#response?.status)
    this.#controller?.abort(error)
    const { body } = this.#exchange
    if (!Buffer.isBuffer(body)) body.stream.destroy()
    // Whoever gives up the sink must find it at rest.
    if (this.#writing === undefined) this.#reject(error)
    else void this.#writing.then(() => this.#reject(error))
  }

  onRequestStart(controller: Dispatcher.DispatchController) {
    // Thrown here, undici drops the request and keeps the connection.
    if (this.settled) throw new Error('the exchange has already ended')
    clearTimeout(this.#connectTimer)
    this.#controller = controller
    // A buffer is written in the same tick; for a stream `onBodySent` tells.
    if (Buffer.isBuffer(this.#exchange.body)) this.#markSent()
  }

  onBodySent() {
    if (this.#stage === 'connecting') this.#markSent()
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: ResponseHeaders) {
    if (this.settled || status < 200) return
    this.#stage = 'answering'
    try {
      this.#response = { status, headers, sink: this.#exchange.open(status, headers) }
    } catch (error) {
      this.fail('sink', error)
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer) {
    // After a pause undici goes on with an empty chunk; to pause on that would never end.
    if (this.settled || this.#response === undefined || chunk.length === 0) return
    try {
      const writing = this.#response.sink.write(chunk)
      if (writing === undefined) return
      controller.pause()
      this.#writing = writing.then(
        () => controller.resume(),
        (error: unknown) => this.fail('sink', error),
      )
    } catch (error) {
      this.fail('sink', error)
    }
  }

  onResponseEnd() {
    const response = this.#response
    if (this.settled || response === undefined) return
    if (this.#writing === undefined) return this.#finish(response)
    void this.#writing.then(() => this.#finish(response))
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error) {
    this.fail(this.#stage === 'connecting' ? connectFault(error) : 'lost', error)
  }

  #markSent() {
    this.#stage = 'sent'
    this.#exchange.signal.removeEventListener('abort', this.#onAbort)
    this.#exchange.onSent?.()
  }

  #finish(response: Response<S>) {
    if (this.settled) return
    this.#settle()
    this.#resolve(response)
  }

  #settle() {
    this.settled = true
    clearTimeout(this.#deadline)
    clearTimeout(this.#connectTimer)
    this.#exchange.signal.removeEventListener('abort', this.#onAbort)
  }
}

const tlsCode = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/

function connectFault(error: Error): ExchangeFault {
  const code = 'code' in error ? String(error.code) : ''
  return tlsCode.test(code) || code === 'UND_ERR_PRX_TLS' ? 'tls' : 'connect'
}
