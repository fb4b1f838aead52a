import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { MaybePromise } from '../bytes/maybe-promise.ts'
import { AppError, ReportedError } from '../errors/app-error.ts'
import { codeOf } from '../errors/error-code.ts'
import { createHttpClient, type HttpClientOptions } from '../net/http-client.ts'

/**
 * One HTTP exchange with Azure: connect, send, read. It knows nothing of images or models, but exactly when the first
 * byte of a request body is sent, because from then on Azure may bill.
 */

/** The body of one attempt. `length` is the value of Content-Length. */
export type RequestBody = Buffer | { stream: Readable; length: number }

/** Receives a response's bytes as they arrive. Throwing ends the exchange; a pending promise applies backpressure. */
export interface ResponseSink {
  write(chunk: Buffer): MaybePromise<void>
}

export interface Exchange<S extends ResponseSink> {
  url: URL
  headers: Readonly<Record<string, string>>
  body: RequestBody
  /** Cancels until the first body byte is sent, and has no effect after that. */
  signal: AbortSignal
  /** `performance.now()` at which the exchange is aborted at any stage. */
  deadlineAt: number
  /** The first byte of the body has been sent. */
  onSent?: () => void
  /** The response's head has arrived; the returned sink receives its body. */
  open(status: number, headers: ResponseHeaders): S
}

export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>

export interface Response<S extends ResponseSink> {
  status: number
  headers: ResponseHeaders
  sink: S
}

/** How far an exchange got before it failed. Only `connecting` proves that nothing was billed. */
export type ExchangeStage = 'connecting' | 'sent' | 'receiving'
export type ExchangeFault = 'cancelled' | 'timeout' | 'connect' | 'tls' | 'lost' | 'sink'

/** An exchange that ended without a complete response. `cause` is what undici or the sink threw. */
export class ExchangeError extends AppError {
  override name = 'ExchangeError'
  readonly stage: ExchangeStage
  readonly fault: ExchangeFault

  constructor(stage: ExchangeStage, fault: ExchangeFault, cause?: unknown) {
    super(`exchange failed: ${fault} while ${stage}`, { cause })
    this.stage = stage
    this.fault = fault
  }
}

export interface Transport {
  /** @throws ExchangeError */
  post<S extends ResponseSink>(exchange: Exchange<S>): Promise<Response<S>>
  /** Whether connections can be opened at all. */
  readonly isUsable: boolean
  /** Waits for running exchanges, then closes the connections. */
  close(): Promise<void>
}

export function createTransport(options: HttpClientOptions): Transport {
  const connections = createHttpClient(options)
  return {
    async post(exchange) {
      const dispatcher = await connections.get().catch((error: unknown) => {
        if (!Buffer.isBuffer(exchange.body)) exchange.body.stream.destroy()
        throw new ExchangeError('connecting', 'connect', error)
      })
      return await runExchange(dispatcher, exchange, options.connectTimeoutMs)
    },
    get isUsable() {
      return connections.isUsable
    },
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
    const { url, headers, body } = exchange
    const isBuffer = Buffer.isBuffer(body)
    try {
      dispatcher.dispatch(
        {
          origin: url.origin,
          path: url.pathname + url.search,
          method: 'POST',
          headers: isBuffer ? headers : { ...headers, 'content-length': String(body.length) },
          body: isBuffer ? body : body.stream,
        },
        handler,
      )
    } catch (error) {
      handler.fail('connect', error)
    }
  })
}

/** The callbacks of one exchange. https://undici.nodejs.org/#/docs/api/Dispatcher?id=dispatcherdispatchoptions-handler */
class ExchangeHandler<S extends ResponseSink> implements Dispatcher.DispatchHandler {
  settled = false
  #stage: ExchangeStage = 'connecting'
  #controller: Dispatcher.DispatchController | undefined
  #response: Response<S> | undefined
  /** The sink's pending write, during which the response is paused. */
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
    // undici's own limit does not cover a proxy that accepts the connection and then sends nothing.
    this.#connectTimer = setTimeout(
      () => this.fail('connect', new ReportedError('no connection in time')),
      connectTimeoutMs,
    )
    exchange.signal.addEventListener('abort', this.#onAbort, { once: true })
    if (exchange.signal.aborted) this.#onAbort()
  }

  /** Ends the exchange with an error and closes its connection. */
  fail(fault: ExchangeFault, cause?: unknown) {
    if (this.settled) return
    this.#settle()
    const error = new ExchangeError(this.#stage, fault, cause)
    this.#controller?.abort(error)
    const { body } = this.#exchange
    if (!Buffer.isBuffer(body)) body.stream.destroy()
    // Reported after the pending write, so that the sink can be aborted safely.
    if (this.#writing === undefined) this.#reject(error)
    else void this.#writing.then(() => this.#reject(error))
  }

  onRequestStart(controller: Dispatcher.DispatchController) {
    // Thrown here, undici drops the request and keeps the connection.
    if (this.settled) throw new Error('the exchange has already ended')
    clearTimeout(this.#connectTimer)
    this.#controller = controller
    // A buffer is written in the same tick; a stream calls `onBodySent`.
    if (Buffer.isBuffer(this.#exchange.body)) this.#markSent()
  }

  onBodySent() {
    if (this.#stage === 'connecting') this.#markSent()
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: ResponseHeaders) {
    if (this.settled || status < 200) return
    this.#stage = 'receiving'
    try {
      this.#response = { status, headers, sink: this.#exchange.open(status, headers) }
    } catch (error) {
      this.fail('sink', error)
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer) {
    // After a pause undici continues with an empty chunk; pausing again on that would never end.
    if (this.settled || this.#response === undefined || chunk.length === 0) return
    try {
      const writing = this.#response.sink.write(chunk)
      if (!(writing instanceof Promise)) return
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

const TLS_CODE = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/

function connectFault(error: Error): ExchangeFault {
  const code = codeOf(error)
  return TLS_CODE.test(code) || code === 'UND_ERR_PRX_TLS' ? 'tls' : 'connect'
}
