import { ReportedError } from './app-error.ts'
import { codeOf } from './error-code.ts'

/** Causes are not nested deeper. */
const MAX_CAUSES = 6

/**
 * Why an operation failed, in a word for the log: the system code of the innermost cause (`ECONNREFUSED`), else a sentence
 * of ours. `undefined` if the error itself says everything.
 */
export function reasonOf(error: unknown): string | undefined {
  return error instanceof Error ? reasonIn(error.cause) : undefined
}

/** The same, with the error itself included. */
export function reasonIn(error: unknown): string | undefined {
  let reason: string | undefined
  let cause = error
  for (let depth = 0; depth < MAX_CAUSES && cause instanceof Error; depth++) {
    const code = codeOf(cause)
    if (/^(?!IMG_ERR_)[A-Z][A-Z0-9_]{1,63}$/.test(code)) reason = code
    else if (cause instanceof ReportedError) reason ??= cause.message
    cause = cause.cause
  }
  return reason
}
