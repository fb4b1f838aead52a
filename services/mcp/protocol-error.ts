import { AppError } from '../errors/app-error.ts'
import { ServiceError } from '../errors/errors.ts'
import { Rejection } from '../errors/rejection.ts'

/**
 * Failures of the protocol itself, as opposed to failures of a tool.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic#error-codes
 */

export const PARSE_ERROR = -32700
export const INVALID_REQUEST = -32600
export const METHOD_NOT_FOUND = -32601
export const INVALID_PARAMS = -32602
export const INTERNAL_ERROR = -32603
const HEADER_MISMATCH = -32020
const MISSING_CLIENT_CAPABILITY = -32021
const UNSUPPORTED_VERSION = -32022
/** A part of this service cannot work at the moment: a code of the range that JSON-RPC leaves to servers. */
export const SERVICE_FAILURE = -32000
/** Only for revisions up to 2025-11-25; later ones use `INVALID_PARAMS`. */
export const RESOURCE_NOT_FOUND = -32002

export interface ProtocolErrorOptions {
  data?: unknown
  cause?: unknown
  /** HTTP status, if the message itself and not what it asks for is wrong. */
  status?: number
  /** Milliseconds after which another attempt makes sense. */
  retryAfterMs?: number
}

/** An error that becomes a JSON-RPC `error` object; `message` is one sentence of ours. */
export class ProtocolError extends AppError {
  override name = 'ProtocolError'
  readonly code: number
  readonly data: unknown
  /** HTTP status. 404 is only for modern revisions; in older ones an unknown method is a 200. */
  readonly status: number
  readonly retryAfterMs: number | undefined

  constructor(code: number, message: string, options: ProtocolErrorOptions = {}) {
    super(message, options)
    this.code = code
    this.data = options.data
    this.status = options.status ?? 200
    this.retryAfterMs = options.retryAfterMs
  }
}

export const parseError = (message: string) => new ProtocolError(PARSE_ERROR, message, { status: 400 })

export const invalidRequest = (message: string, status = 400) => new ProtocolError(INVALID_REQUEST, message, { status })

export const methodNotFound = (method: string) =>
  new ProtocolError(METHOD_NOT_FOUND, `Method not found: ${method}`, { status: 404 })

export const invalidParams = (message: string, data?: unknown) => new ProtocolError(INVALID_PARAMS, message, { data })

/** A modern request without one of its required `_meta` members. */
export const missingMeta = (problems: string) =>
  new ProtocolError(INVALID_PARAMS, `params._meta of a modern request is incomplete: ${problems}.`, { status: 400 })

export const headerMismatch = (message: string) => new ProtocolError(HEADER_MISMATCH, message, { status: 400 })

/** @param capability of an extension: its name, which has a prefix */
export const missingCapability = (capability: string) =>
  new ProtocolError(MISSING_CLIENT_CAPABILITY, `This needs the client capability "${capability}".`, {
    data: {
      requiredCapabilities: capability.includes('/') ? { extensions: { [capability]: {} } } : { [capability]: {} },
    },
    status: 400,
  })

/** Characters of a client's text that an error repeats. */
const MAX_ECHO_LENGTH = 64

export const unsupportedVersion = (requested: string, supported: readonly string[]) =>
  new ProtocolError(UNSUPPORTED_VERSION, 'Unsupported protocol version', {
    data: { supported, requested: requested.slice(0, MAX_ECHO_LENGTH) },
    status: 400,
  })

/** Contains only the request id, by which the log has the details. */
export const internalError = (requestId: string, cause?: unknown) =>
  new ProtocolError(INTERNAL_ERROR, 'Internal error', { data: { requestId }, cause })

/**
 * A rejection by access or load rules: its code is the HTTP status. `data` repeats when to retry, because members of a
 * batch and clients on stdio have no headers.
 */
export const rejection = (status: number, message: string, { retryAfterMs }: { retryAfterMs?: number } = {}) =>
  new ProtocolError(status, message, {
    status,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs, data: { retryAfterMs: Math.ceil(retryAfterMs) } }),
  })

/** Any error as an error of the protocol; what is not meant for clients becomes an internal error. */
export function toProtocolError(error: unknown, requestId: string): ProtocolError {
  if (error instanceof ProtocolError) return error
  if (error instanceof ServiceError) {
    const code = error.family === 'input' ? INVALID_PARAMS : SERVICE_FAILURE
    return new ProtocolError(code, error.message, { cause: error })
  }
  if (!(error instanceof Rejection)) return internalError(requestId, error)
  const { statusCode, message, retryAfterMs } = error
  return rejection(statusCode, message, retryAfterMs === undefined ? {} : { retryAfterMs })
}
