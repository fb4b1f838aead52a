import { ReportedError } from './app-error.ts'

/** A request that access or load rules reject. `message` is one sentence of ours; every transport has its own form for it. */
export class Rejection extends ReportedError {
  override name = 'Rejection'
  /** HTTP status, which is the code of the JSON-RPC error too. */
  readonly statusCode: number
  /** Milliseconds after which another attempt makes sense. */
  readonly retryAfterMs: number | undefined

  constructor(
    statusCode: number,
    message: string,
    { retryAfterMs, cause }: { retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, { cause })
    this.statusCode = statusCode
    this.retryAfterMs = retryAfterMs
  }
}
