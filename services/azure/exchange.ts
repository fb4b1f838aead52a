import type { Operation } from '../../schemas/models.ts'
import type { MaybePromise } from '../bytes/maybe-promise.ts'
import type { BufferSpool } from '../bytes/spooled-buffer.ts'
import { isBilled, ServiceError, serviceError } from '../errors/errors.ts'
import { reasonOf } from '../errors/reason.ts'
import { noTrace, type Span } from '../telemetry/trace.ts'
import { azureError, type ErrorContext, requestId } from './azure-error.ts'
import { maskText } from './azure-text.ts'
import { sentLine } from './client-lines.ts'
import type { Deployment } from './deployment.ts'
import type { Dialect } from './dialects/dialect.ts'
import { ErrorBodyCollector, parseFault } from './error-body.ts'
import type { AzureEvents, RequestCode, StatusClass } from './events.ts'
import type { HttpRequest } from './http-request.ts'
import { openResponse } from './image-response.ts'
import type { ResponseReading } from './response-parts.ts'
import { SendError } from './retry.ts'
import { isAzureCode, retryRule } from './retry-policy.ts'
import { ExchangeError, type Response, type ResponseHeaders, type Transport } from './transport.ts'
import type { CallContext } from './types.ts'
import { withinCall } from './within-call.ts'

export interface SendOptions {
  transport: Transport
  events: AzureEvents
  /** Bytes of one response. */
  maxResponseBytes: number
  spool: BufferSpool
}

/** A successful response. */
export interface HttpResponse {
  reading: ResponseReading
  /** Reports how the request ended, which is known only when its images have been read. Must be called once. */
  end(code: RequestCode): void
  requestId: string | undefined
  /** Ends with the request. */
  span: Span
}

/**
 * Sends one request, for which the deployment's limiter has been acquired. Reports the outcome to the limiter and the
 * circuit breaker.
 *
 * @throws SendError, ServiceError
 */
export async function sendRequest(
  options: SendOptions,
  deployment: Deployment,
  route: Dialect,
  request: HttpRequest,
  context: CallContext,
): Promise<HttpResponse> {
  const { credential, scope } = deployment.options
  let headers: ResponseHeaders | undefined
  let isRejected = false
  try {
    const credentialHeaders = await countFailure(options.events, deployment, request.operation, () =>
      withinCall(credential.headers(scope ?? route.scope), context),
    )
    await context.fence?.pass()
    const sentBefore = context.sentRequests
    const response = await exchange(options, deployment, route, request, credentialHeaders, context).catch(
      async (error) => {
        // Not a byte of the body went out.
        if (context.sentRequests === sentBefore) await context.fence?.reopen()
        throw error
      },
    )
    headers = response.headers
    const secrets = [...credential.secrets(), ...Object.values(credentialHeaders), ...request.secrets]
    if (response.sink instanceof ErrorBodyCollector) {
      const failure = failureOf(response, response.sink, deployment, { operation: request.operation, secrets }, context)
      response.end(failure.code)
      isRejected = isAzureCode(failure.code) && retryRule(failure.code).action === 'waitForQuota'
      // By this response nothing was generated.
      if (!isBilled(failure.code)) {
        context.sentRequests = (context.sentRequests ?? 1) - 1
        await context.fence?.reopen()
      }
      throw new SendError(failure, credentialHeaders)
    }
    deployment.breaker.reset()
    const { sink: reading, end, span } = response
    return { reading, requestId: requestId(headers, secrets), end, span }
  } finally {
    deployment.limiter.release(headers, isRejected)
  }
}

/** A request for which there is no credential is counted like one that does not reach Azure. */
async function countFailure<T>(
  events: AzureEvents,
  { deployment: { name, model } }: Deployment,
  operation: Operation,
  credential: () => MaybePromise<T>,
): Promise<T> {
  const startedAt = performance.now()
  try {
    return await credential()
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'IMG_ERR_AZURE_TOKEN') {
      const facts = { operation, deployment: name, model, statusClass: 'connect_error', code: error.code } as const
      events.requestStarted(facts)
      events.requestEnded({ ...facts, durationMs: performance.now() - startedAt, sentBytes: 0 })
    }
    throw error
  }
}

/** The error of an error response. Trips the circuit breaker if the account is blocked. */
function failureOf(
  { status, headers }: Response<ResponseReading | ErrorBodyCollector>,
  sink: ErrorBodyCollector,
  { options, breaker, deployment: { name } }: Deployment,
  request: Pick<ErrorContext, 'operation' | 'secrets'>,
  { log }: CallContext,
): ServiceError {
  const fault = parseFault(sink.body())
  const failure = azureError(status, headers, fault, { ...request, deployment: options.deployment })
  log.debug({ deployment: name, azureText: maskText(fault.message, request.secrets) }, 'azure error text, redacted')
  if (failure.code === 'IMG_ERR_AZURE_ACCOUNT_BLOCKED') {
    if (!breaker.isOpen)
      log.error({ deployment: name, code: failure.code }, 'azure account blocked, circuit breaker open')
    breaker.trip()
  } else breaker.reset()
  return failure
}

async function exchange(
  { transport, events, maxResponseBytes, spool }: SendOptions,
  deployment: Deployment,
  route: Dialect,
  request: HttpRequest,
  credentialHeaders: Readonly<Record<string, string>>,
  context: CallContext,
): Promise<Response<ResponseReading | ErrorBodyCollector> & Pick<HttpResponse, 'end' | 'span'>> {
  const { name, model } = deployment.deployment
  const body = request.body()
  const startedAt = performance.now()
  const facts = { operation: request.operation, deployment: name, model }
  events.requestStarted(facts)
  const span = startSpan(deployment, route, request.operation, context)
  let statusClass: StatusClass = 'lost'
  let reading: ResponseReading | undefined
  let headers: ResponseHeaders = {}
  let durationMs = 0
  const end = (code: RequestCode) => {
    const traceId = span.trace.sampledId
    events.requestEnded({ ...facts, statusClass, code, durationMs, sentBytes: body.length, traceId })
    if (code !== 'ok') span.fail(code)
    span.end()
  }
  try {
    const response = await transport.post<ResponseReading | ErrorBodyCollector>({
      url: request.url,
      // A compressed response could not be parsed while it arrives.
      headers: { 'accept-encoding': 'identity', ...request.headers, ...credentialHeaders },
      body,
      signal: context.signal,
      deadlineAt: context.deadlineAt,
      onSent() {
        context.sentRequests = (context.sentRequests ?? 0) + 1
        context.attempts = (context.attempts ?? 0) + 1
        context.progress?.('sent')
        context.tell?.(sentLine(name))
        span.happened('sent')
      },
      open(status, received) {
        headers = received
        span.add({ 'http.response.status_code': status })
        span.happened('receiving')
        if (classOf(status) !== '2xx') return new ErrorBodyCollector()
        context.progress?.('receiving')
        const onPartialImage = () => context.progress?.('partial')
        reading = openResponse(received, { spool, maxBytes: maxResponseBytes, onPartialImage })
        return reading
      },
    })
    statusClass = classOf(response.status)
    return { ...(await checkSuccess(response)), end, span }
  } catch (error) {
    statusClass = faultClass(error)
    if (reading !== undefined && (await reading.hasImage())) {
      context.log.warn({ deployment: name, reason: reasonOf(error) }, 'azure response broke off after a complete image')
      return { status: 200, headers, sink: reading, end, span }
    }
    await reading?.abort()
    durationMs = performance.now() - startedAt
    const failure = exchangeError(error)
    end(failure instanceof ServiceError ? failure.code : 'other')
    throw failure
  } finally {
    durationMs = performance.now() - startedAt
  }
}

/** https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans, in which an image is content like any other. */
function startSpan(
  { deployment: { name, model }, host }: Deployment,
  { name: route }: Dialect,
  operation: Operation,
  context: CallContext,
) {
  const isOpenAi = route === 'deployments' || route === 'v1'
  return (context.trace ?? noTrace).start(`generate_content ${model}`, {
    kind: 'client',
    facts: {
      'gen_ai.operation.name': 'generate_content',
      'gen_ai.provider.name': isOpenAi ? 'azure.ai.openai' : 'azure.ai.inference',
      'gen_ai.request.model': model,
      'server.address': host,
      'image_mcp.deployment': name,
      'image_mcp.operation': operation,
      ...(context.attempts ? { 'http.request.resend_count': context.attempts } : {}),
    },
  })
}

/** A 2xx other than 200 is a success only with an image; without one it is an error that must not be retried. */
async function checkSuccess(
  response: Response<ResponseReading | ErrorBodyCollector>,
): Promise<Response<ResponseReading | ErrorBodyCollector>> {
  const { status, sink } = response
  if (status === 200 || sink instanceof ErrorBodyCollector || (await sink.hasImage())) return response
  await sink.abort()
  return { ...response, sink: new ErrorBodyCollector() }
}

/** An exchange without a complete response, as a row of the error table. */
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
