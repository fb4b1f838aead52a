import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ErrorResponse } from '../../schemas/openai.ts'
import { logFailedCall } from '../../services/calls/log-failure.ts'
import type { CallContext } from '../../services/calls/types.ts'
import { type ErrorCode, isBilled, ServiceError } from '../../services/errors/errors.ts'
import { Rejection } from '../../services/errors/rejection.ts'
import { discardBody } from '../shared/discard-body.ts'
import { EMPTY_BODY, toRejection } from '../shared/http-failure.ts'
import { RequestError } from './request-error.ts'
import type { Retries } from './retries.ts'

/** An error as OpenAI's clients read it. */
export interface OpenAiError {
  status: number
  body: ErrorResponse
  /** Milliseconds after which another attempt makes sense; the client then makes it by itself. */
  retryAfterMs?: number | undefined
  /** The client must not repeat the request, which it otherwise does by the status. */
  isFinal: boolean
}

interface Failure {
  status: number
  type: string
  code: string | null
  message: string
  param?: string | null | undefined
  retryAfterMs?: number | undefined
}

type SendFacts = Pick<CallContext, 'id' | 'sentRequests' | 'attempts'>

/** Something was sent, and may be billed: the request must not be repeated, which no other status but 4xx tells clients. */
const FAILED_AFTER_SENDING = 424

/** Statuses with which OpenAI's clients repeat a request: https://github.com/openai/openai-node (src/client.ts) */
const isRepeated = (status: number) => status === 408 || status === 409 || status === 429 || status >= 500

/** Longer waits are ignored by OpenAI's clients, which then repeat a request after less than ten seconds. */
const MAX_WAIT_MS = 60_000
const DEFAULT_WAIT_MS = 5_000

/**
 * Any error for a client of this door. OpenAI's clients repeat a request by themselves by its status, so that an error after
 * the first byte of a request went to Azure gets one that they never repeat.
 */
export function toOpenAiError(error: unknown, context: SendFacts): OpenAiError {
  const failure = failureOf(error, context)
  const { type, code, message, param = null } = failure
  const hasSent = context.sentRequests > 0 || (context.attempts ?? 0) > 0
  const isPaid = hasSent || (error instanceof ServiceError && isBilled(error.code))
  const isCut = isPaid && isRepeated(failure.status)
  const status = isCut ? FAILED_AFTER_SENDING : failure.status
  const retryAfterMs = isCut ? undefined : failure.retryAfterMs
  return {
    status,
    body: { error: { message, type, param, code } },
    retryAfterMs,
    isFinal: status === FAILED_AFTER_SENDING || (isRepeated(status) && (retryAfterMs ?? Infinity) > MAX_WAIT_MS),
  }
}

function failureOf(error: unknown, { id }: SendFacts): Failure {
  if (error instanceof RequestError) return { type: INVALID, ...error.failure, message: error.message }
  if (error instanceof ServiceError) return serviceFailure(error)
  if (error instanceof Rejection) return rejectionFailure(error)
  return {
    status: 500,
    type: SERVER,
    code: 'internal_error',
    message: `Internal error. The log has it as request ${id}.`,
  }
}

const INVALID = 'invalid_request_error'
const SERVER = 'server_error'

function rejectionFailure({ statusCode: status, message, retryAfterMs }: Rejection): Failure {
  const wait = { message, ...(isRepeated(status) ? { retryAfterMs } : {}) }
  if (status >= 500) return { status, type: SERVER, code: status === 503 ? 'unavailable' : 'timeout', ...wait }
  switch (status) {
    case 401:
      return { status, type: INVALID, code: 'invalid_api_key', ...wait }
    case 403:
      return { status, type: INVALID, code: 'forbidden', ...wait }
    case 413:
      return { status, type: INVALID, code: 'request_too_large', ...wait }
    case 415:
      return { status, type: INVALID, code: 'unsupported_content_type', ...wait }
    case 429:
      return { status, type: 'rate_limit_error', code: 'rate_limit_exceeded', ...wait }
    default:
      return { status, type: INVALID, code: null, ...wait }
  }
}

/** Failures whose status, type or code is not that of their family. */
const special: { readonly [C in ErrorCode]?: Partial<Failure> } = {
  // What OpenAI reports of its own filter, by which apps recognize it.
  IMG_ERR_AZURE_CONTENT: { status: 400, type: 'image_generation_user_error', code: 'moderation_blocked' },
  IMG_ERR_MODEL_UNKNOWN: { status: 404, code: 'model_not_found', param: 'model' },
  IMG_ERR_IDEMPOTENCY_KEY: { status: 422, code: 'idempotency_key_reused', param: 'idempotency_key' },
  IMG_ERR_IDEMPOTENCY_RUNNING: { status: 409, retryAfterMs: DEFAULT_WAIT_MS },
  IMG_ERR_POLICY: { status: 403 },
  IMG_ERR_CONFIRM_COST: { param: 'confirm_cost' },
  IMG_ERR_ARGUMENTS: { code: 'invalid_value' },
  IMG_ERR_AZURE_BUSY: { status: 429, type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  IMG_ERR_AZURE_RATE_LIMIT: { status: 429, type: 'rate_limit_error', code: 'rate_limit_exceeded' },
}

function serviceFailure({ code, family, message, retryable, retryAfterMs, detail }: ServiceError): Failure {
  const base: Failure = {
    status: family === 'input' ? 400 : 503,
    type: family === 'input' ? INVALID : SERVER,
    code: code.slice('IMG_ERR_'.length).toLowerCase(),
    message,
    param: typeof detail?.argument === 'string' ? detail.argument : null,
    // Without a time the client would repeat at once what cannot succeed.
    retryAfterMs: retryable && family !== 'input' ? (retryAfterMs ?? DEFAULT_WAIT_MS) : retryAfterMs,
  }
  return { ...base, ...special[code] }
}

/** Logs a failed call as the first door does. */
export function logFailure(error: unknown, { log, caller }: CallContext): void {
  if (error instanceof RequestError || error instanceof Rejection) {
    log.debug({ reason: error.message }, 'request rejected')
  } else if (error instanceof ServiceError) logFailedCall(error, { log, caller }, 'image request')
  else log.error({ err: error }, 'image request failed')
}

/** Sets status and headers of an error. */
function sendOpenAiError(reply: FastifyReply, { status, body, retryAfterMs, isFinal }: OpenAiError): FastifyReply {
  if (retryAfterMs !== undefined) {
    reply.headers({ 'retry-after': Math.ceil(retryAfterMs / 1000), 'retry-after-ms': Math.ceil(retryAfterMs) })
  }
  if (isFinal) reply.header('x-should-retry', 'false')
  return reply.code(status).type('application/json; charset=utf-8').send(body)
}

/** Turns everything that fails in these routes into an error of OpenAI's shape. */
export function addErrorHandler(
  fastify: FastifyInstance,
  contextOf: (request: FastifyRequest, reply: FastifyReply) => CallContext,
  retries: Pick<Retries, 'noteError'>,
): void {
  const maxBodyBytes = fastify.config.limits.maxBodyBytes
  fastify.setErrorHandler(async function sendError(error: FastifyError, request: FastifyRequest, reply: FastifyReply) {
    discardBody(error, request, reply, maxBodyBytes)
    const context = contextOf(request, reply)
    const failure =
      error.code === EMPTY_BODY ? new Rejection(400, 'The body is empty.') : toRejection(error, maxBodyBytes)
    logFailure(failure, context)
    // Sending would fail, and be counted as one more failure.
    if (reply.raw.destroyed) return reply.hijack()
    const answer = toOpenAiError(failure, context)
    if (isRepeated(answer.status) && !answer.isFinal) retries.noteError(request)
    return sendOpenAiError(reply, answer)
  })
}
