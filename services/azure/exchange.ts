import type { BufferSpool } from '../bytes/spooled-buffer.ts'
import { ServiceError, serviceError } from '../errors/errors.ts'
import { azureError, readFault, requestId } from './azure-error.ts'
import { maskText } from './azure-text.ts'
import type { Deployment } from './deployment.ts'
import type { Dialect } from './dialects/dialect.ts'
import type { AzureEvents, StatusClass } from './events.ts'
import type { WireRequest } from './http-request.ts'
import { ErrorBodyCollector, openResponse, type ResponseReading } from './image-response.ts'
import { SendError } from './retry.ts'
import { ExchangeError, type Response, type ResponseHeaders, type Transport } from './transport.ts'
import type { CallContext } from './types.ts'

export interface SendOptions {
  transport: Transport
  events: AzureEvents
  /** Bytes of one response. */
  maxResponseBytes: number
  buffered: BufferSpool
}

/** What Azure sent with a success. */
export interface HttpResponse {
  reading: ResponseReading
  requestId: string | undefined
}

/**
 * One request, for which the deployment's gate has opened. Tells the gate and the breaker how it went.
 *
 * @throws SendError, ServiceError
 */
export async function sendRequest(
  options: SendOptions,
  deployment: Deployment,
  route: Dialect,
  wire: WireRequest,
  prompt: string,
  context: CallContext,
): Promise<HttpResponse> {
  const { credential, scope } = deployment.options
  let learned: ResponseHeaders | undefined
  let isRejected = false
  try {
    const credentialHeaders = await inTime(credential.headers(scope ?? route.scope), context)
    const response = await exchange(options, deployment, wire, credentialHeaders, context)
    learned = response.headers
    const secrets = [...credential.secrets(), ...Object.values(credentialHeaders), prompt]
    isRejected = response.status === 429
    if (response.sink instanceof ErrorBodyCollector) {
      const fault = readFault(response.sink.body())
      const failure = azureError(response.status, response.headers, fault, {
        deployment: deployment.options.deployment,
        secrets,
      })
      context.log.debug(
        { deployment: deployment.deployment.name, azureText: maskText(fault.message, secrets) },
        "azure's own words, without what they may quote",
      )
      if (failure.code === 'IMG_ERR_AZURE_ACCOUNT_BLOCKED') tripBreaker(deployment, context)
      else deployment.breaker.reset()
      throw new SendError(failure, credentialHeaders)
    }
    deployment.breaker.reset()
    return { reading: response.sink, requestId: requestId(response.headers, secrets) }
  } finally {
    deployment.limiter.left(learned, isRejected)
  }
}

function tripBreaker(deployment: Deployment, context: CallContext): void {
  if (!deployment.breaker.isOpen) {
    context.log.error({ deployment: deployment.deployment.name }, 'azure has blocked the account; calls are kept back')
  }
  deployment.breaker.trip()
}

async function exchange(
  { transport, events, maxResponseBytes, buffered }: SendOptions,
  deployment: Deployment,
  wire: WireRequest,
  credentialHeaders: Readonly<Record<string, string>>,
  context: CallContext,
) {
  const { operation, url } = wire
  const { name, model } = deployment.deployment
  const body = wire.body()
  const startedAt = performance.now()
  const facts = { operation, deployment: name, model }
  events.requestStarted(facts)
  let statusClass: StatusClass = 'lost'
  let reading: ResponseReading | undefined
  let headers: ResponseHeaders = {}
  try {
    const response = await transport.post<ResponseReading | ErrorBodyCollector>({
      url,
      // What a gateway compressed could not be read as it arrives.
      headers: { 'accept-encoding': 'identity', ...wire.headers, ...credentialHeaders },
      body,
      signal: context.signal,
      deadlineAt: context.deadlineAt,
      onSent: () => context.progress?.('sent'),
      open(status, received) {
        headers = received
        if (classOf(status) !== '2xx') return new ErrorBodyCollector()
        context.progress?.('receiving')
        const onSketch = () => context.progress?.('sketched')
        reading = openResponse(received, { buffered, maxBytes: maxResponseBytes, onSketch })
        return reading
      },
    })
    statusClass = classOf(response.status)
    return await checkSuccess(response)
  } catch (error) {
    statusClass = faultClass(error)
    if (reading !== undefined && (await reading.hasImage())) {
      context.log.warn({ deployment: name, err: error }, 'azure broke off behind a whole image; usage may be missing')
      return { status: 200, headers, sink: reading }
    }
    await reading?.abort()
    throw exchangeError(error)
  } finally {
    const durationMs = performance.now() - startedAt
    events.requestEnded({ ...facts, statusClass, durationMs, sentBytes: body.length })
  }
}

/** A success other than 200 counts by its image: without one there is nothing to read, and nothing to try again. */
async function checkSuccess(response: Response<ResponseReading | ErrorBodyCollector>) {
  const { status, sink } = response
  if (status === 200 || sink instanceof ErrorBodyCollector || (await sink.hasImage())) return response
  await sink.abort()
  return { ...response, sink: new ErrorBodyCollector() }
}

/** Waits for something that knows no deadline, as long as the call and its caller last. */
async function inTime<T>(work: Promise<T>, { signal, deadlineAt }: CallContext): Promise<T> {
  const timeout = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => timeout.reject(serviceError('IMG_ERR_AZURE_NOT_SENT', [])),
    Math.max(0, deadlineAt - performance.now()),
  )
  const cancel = () => timeout.reject(serviceError('IMG_ERR_CANCELLED', []))
  signal.addEventListener('abort', cancel, { once: true })
  try {
    return await Promise.race([work, timeout.promise])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', cancel)
  }
}

/** An exchange without a whole response, as a row of the table. */
function exchangeError(error: unknown): unknown {
  if (!(error instanceof ExchangeError)) return error
  if (error.cause instanceof ServiceError) return error.cause
  const options = { cause: error }
  switch (error.fault) {
    case 'cancelled':
      return serviceError('IMG_ERR_CANCELLED', [], options)
    case 'connect':
      return serviceError('IMG_ERR_AZURE_UNREACHABLE', [], options)
    case 'tls':
      return serviceError('IMG_ERR_AZURE_TLS', [], options)
    case 'timeout':
      return serviceError(isSent(error) ? 'IMG_ERR_AZURE_TIMEOUT' : 'IMG_ERR_AZURE_NOT_SENT', [], options)
    case 'lost':
      return serviceError('IMG_ERR_AZURE_LOST', [], options)
    case 'sink':
      return serviceError('IMG_ERR_AZURE_BAD_RESPONSE', [], options)
    default:
      return error.fault satisfies never
  }
}

const isSent = ({ stage }: ExchangeError) => stage !== 'connecting'

function classOf(status: number): StatusClass {
  if (status < 300) return '2xx'
  if (status < 400) return '3xx'
  if (status === 429) return '429'
  return status < 500 ? '4xx' : '5xx'
}

function faultClass(error: unknown): StatusClass {
  if (!(error instanceof ExchangeError)) return 'lost'
  switch (error.fault) {
    case 'connect':
    case 'tls':
      return 'connect_error'
    case 'timeout':
    case 'cancelled':
      return error.fault
    default:
      return 'lost'
  }
}
