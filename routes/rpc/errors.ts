import {
  internalError,
  invalidRequest,
  ProtocolError,
  parseError,
  rejection,
} from '../../services/mcp/protocol-error.ts'

interface HttpFailure {
  code?: string
  statusCode?: number
  /** When to come back, if whoever rejected knows. */
  retryAfterMs?: number
  message: string
}

/** What the framework or a guard threw, as an error of the protocol; the sentences are ours. */
export function toProtocolError(error: unknown, requestId: string, maxBodyBytes: number): unknown {
  if (!isHttpFailure(error)) return error
  const known = knownFailure(error, maxBodyBytes)
  if (known !== undefined) return known
  const { statusCode = 500, message, retryAfterMs } = error
  if (statusCode >= 500 && statusCode !== 503) return internalError(requestId, error)
  return GUARD_STATUSES.has(statusCode)
    ? rejection(statusCode, message, retryAfterMs === undefined ? {} : { retryAfterMs })
    : invalidRequest(message, statusCode)
}

/** Statuses of access and load, which are told as the error's code. */
const GUARD_STATUSES: ReadonlySet<number> = new Set([401, 403, 408, 429, 503])

function knownFailure({ code }: HttpFailure, maxBodyBytes: number): ProtocolError | undefined {
  switch (code) {
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return parseError('The body is empty: send one JSON-RPC message.')
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
