import { AppError } from '../../services/errors/app-error.ts'

interface RequestFailure {
  status: number
  code: string | null
  /** The member of the request that is wrong. */
  param?: string | undefined
}

/** A request that this door rejects by itself; `message` is one sentence of ours. */
export class RequestError extends AppError {
  override name = 'RequestError'
  readonly failure: RequestFailure

  constructor(message: string, failure: RequestFailure) {
    super(message)
    this.failure = failure
  }
}
