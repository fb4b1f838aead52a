import { ReportedError } from '../errors/errors.ts'

/** A caller that is turned away. `message` is one sentence of ours; a guard's status goes with it. */
export class AccessError extends ReportedError {
  readonly statusCode: 401 | 403 | 429 | 503
  /** What a `WWW-Authenticate` header says besides where to look: https://www.rfc-editor.org/rfc/rfc6750#section-3.1 */
  readonly reason: 'invalid_token' | 'insufficient_scope' | undefined
  /** When to come back. */
  readonly retryAfterMs: number | undefined

  constructor(
    statusCode: 401 | 403 | 429 | 503,
    message: string,
    options: { reason?: 'invalid_token' | 'insufficient_scope'; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'AccessError'
    this.statusCode = statusCode
    this.reason = options.reason
    this.retryAfterMs = options.retryAfterMs
  }
}
