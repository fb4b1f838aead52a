import { Rejection } from '../../services/errors/rejection.ts'

interface HttpFailure {
  code?: string
  statusCode?: number
  /** Milliseconds after which another attempt makes sense. */
  retryAfterMs?: number
  message: string
}

/** Code of the framework for a body without a byte. */
export const EMPTY_BODY = 'FST_ERR_CTP_EMPTY_JSON_BODY'

/**
 * What the framework or a guard threw, as a rejection with a sentence of ours.
 * @returns the error itself if it is none of theirs, or says nothing that a client may read
 */
export function toRejection(error: unknown, maxBodyBytes: number): unknown {
  if (error instanceof Rejection || !isHttpFailure(error)) return error
  const known = knownFailure(error, maxBodyBytes)
  if (known !== undefined) return known
  const { statusCode = 500, message, retryAfterMs } = error
  if (statusCode >= 500 && statusCode !== 503) return error
  return new Rejection(statusCode, message, { cause: error, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
}

function knownFailure({ code }: HttpFailure, maxBodyBytes: number): Rejection | undefined {
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Rejection(413, `The body is larger than ${maxBodyBytes} bytes (MAX_BODY_BYTES).`)
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new Rejection(415, 'Send JSON: the header Content-Type must be application/json.')
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'ECONNRESET':
    case 'ERR_STREAM_PREMATURE_CLOSE':
      return new Rejection(400, 'The body ended before its announced length.')
    default:
      return undefined
  }
}

function isHttpFailure(error: unknown): error is HttpFailure {
  return error instanceof Error && ('statusCode' in error || 'code' in error)
}
