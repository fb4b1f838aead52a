/** The base of every error that this service creates. Whatever else is thrown is a defect, or comes from a library. */
export class AppError extends Error {
  override name = 'AppError'

  constructor(message?: string, { cause }: { cause?: unknown } = {}) {
    super(message, cause === undefined ? undefined : { cause })
  }
}

/** An error whose message is a sentence of ours without text from outside, so that log lines may contain it. */
export class ReportedError extends AppError {
  override name = 'ReportedError'
}

/** An invalid value of the configuration. The message continues the name of the variable or field: "is empty". */
export class InvalidValueError extends AppError {
  override name = 'InvalidValueError'
}
