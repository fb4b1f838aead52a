/**
 * Every failure the service can name, in one table. The sentence is ours alone: foreign text (Azure's, the operating
 * system's) goes to the log as `cause` or `detail` and never into a message, because a message is read by a model.
 */

/** Who can mend it: the caller (`input`), Azure or its operator (`upstream`), the operator of this service (`service`). */
export type ErrorFamily = 'input' | 'upstream' | 'service'

interface ErrorRow {
  family: ErrorFamily
  /** HTTP status on routes that are not JSON-RPC. */
  status: number
  /** Whether the same call may succeed later without costing twice. */
  retryable: boolean
  sentence: (...args: never[]) => string
}

const row = <A extends unknown[]>(
  family: ErrorFamily,
  status: number,
  retryable: boolean,
  sentence: (...args: A) => string,
) => ({ family, status, retryable, sentence })

export const errorTable = {
  // Arguments
  IMG_ERR_ARGUMENTS: row('input', 400, false, (problems: string) => `The arguments are not valid: ${problems}.`),
  IMG_ERR_CANCELLED: row('input', 499, true, () => 'The call was cancelled before anything was sent to Azure.'),
} satisfies Record<`IMG_ERR_${string}`, ErrorRow>

export type ErrorCode = keyof typeof errorTable

export interface ServiceErrorOptions {
  cause?: unknown
  /** Milliseconds after which a retry makes sense. */
  retryAfterMs?: number
  /** Facts for the log only: foreign text, statuses, request ids. Must be redacted and bounded by whoever sets it. */
  detail?: Readonly<Record<string, unknown>>
}

/** A failure with a row in the table. `message` is the sentence a model or a person reads. */
export class ServiceError extends Error {
  readonly code: ErrorCode
  readonly family: ErrorFamily
  readonly statusCode: number
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined
  readonly detail: Readonly<Record<string, unknown>> | undefined

  constructor(code: ErrorCode, sentence: string, options: ServiceErrorOptions = {}) {
    super(sentence, options.cause === undefined ? undefined : { cause: options.cause })
    const { family, status, retryable } = errorTable[code]
    this.name = 'ServiceError'
    this.code = code
    this.family = family
    this.statusCode = status
    this.retryable = retryable
    this.retryAfterMs = options.retryAfterMs
    this.detail = options.detail
  }
}

/** Makes the error of a row; `args` are what its sentence takes. */
export function serviceError<C extends ErrorCode>(
  code: C,
  args: Parameters<(typeof errorTable)[C]['sentence']>,
  options?: ServiceErrorOptions,
): ServiceError {
  const sentence: (...args: never[]) => string = errorTable[code].sentence
  return new ServiceError(code, sentence(...(args as never[])), options)
}
