import { Rejection } from '../errors/rejection.ts'

/** A caller that is not let in. `message` is one sentence of ours. */
export class AccessError extends Rejection {
  override name = 'AccessError'
  /** The `error` of a `WWW-Authenticate` header: https://www.rfc-editor.org/rfc/rfc6750#section-3.1 */
  readonly reason: 'invalid_token' | 'insufficient_scope' | undefined

  constructor(
    statusCode: 401 | 403 | 429 | 503,
    message: string,
    options: { reason?: 'invalid_token' | 'insufficient_scope'; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(statusCode, message, options)
    this.reason = options.reason
  }
}
