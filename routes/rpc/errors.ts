import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Rejection } from '../../services/errors/rejection.ts'
import {
  internalError,
  invalidRequest,
  ProtocolError,
  parseError,
  rejection,
} from '../../services/mcp/protocol-error.ts'
import type { HttpContext } from './context.ts'
import { discardBody } from './discard-body.ts'
import { sendJson } from './responder.ts'

/** Turns everything that fails in these routes into a JSON-RPC error. */
export function addErrorHandler(
  fastify: FastifyInstance,
  contextOf: (request: FastifyRequest, reply: FastifyReply) => HttpContext,
): void {
  const { mcp, config } = fastify
  const maxBodyBytes = config.limits.maxBodyBytes
  fastify.setErrorHandler(async function sendError(error: FastifyError, request: FastifyRequest, reply: FastifyReply) {
    discardBody(error, request, reply, maxBodyBytes)
    // Without a body and its type no parser runs, and the schema rejects what is absent.
    const isEmpty = error.validationContext === 'body' && request.body === undefined
    const failure = isEmpty ? emptyBody() : toProtocolError(error, request.id, maxBodyBytes)
    return sendJson(reply, mcp.reject(failure, request.body, contextOf(request, reply)))
  })
}

const emptyBody = () => parseError('The body is empty: send one JSON-RPC message.')

interface HttpFailure {
  code?: string
  statusCode?: number
  /** Milliseconds after which another attempt makes sense. */
  retryAfterMs?: number
  message: string
}

/** What the framework or a guard threw, as an error of the protocol with a sentence of ours. */
function toProtocolError(error: unknown, requestId: string, maxBodyBytes: number): unknown {
  if (error instanceof Rejection || !isHttpFailure(error)) return error
  const known = knownFailure(error, maxBodyBytes)
  if (known !== undefined) return known
  const { statusCode = 500, message, retryAfterMs } = error
  if (statusCode >= 500 && statusCode !== 503) return internalError(requestId, error)
  return GUARD_STATUSES.has(statusCode)
    ? rejection(statusCode, message, retryAfterMs === undefined ? {} : { retryAfterMs })
    : invalidRequest(message, statusCode)
}

/** Statuses of access and load, which become the code of the error. */
const GUARD_STATUSES: ReadonlySet<number> = new Set([401, 403, 429, 503])

function knownFailure({ code }: HttpFailure, maxBodyBytes: number): ProtocolError | undefined {
  switch (code) {
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return emptyBody()
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return invalidRequest(`The body is larger than ${maxBodyBytes} bytes (MAX_BODY_BYTES).`, 413)
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return invalidRequest('Send JSON: the header Content-Type must be application/json.', 415)
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'ECONNRESET':
    case 'ERR_STREAM_PREMATURE_CLOSE':
      return invalidRequest('The body ended before its announced length.')
    default:
      return undefined
  }
}

function isHttpFailure(error: unknown): error is HttpFailure {
  return error instanceof Error && !(error instanceof ProtocolError) && ('statusCode' in error || 'code' in error)
}
