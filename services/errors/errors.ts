import type { StudioMeta } from '../../schemas/studio.ts'
import { AppError } from './app-error.ts'
import { type ErrorFamily, errorTable } from './error-table.ts'

export type ErrorCode = keyof typeof errorTable

export const errorCodes = Object.keys(errorTable).filter((code): code is ErrorCode => Object.hasOwn(errorTable, code))

/** Failures after which Azure may have generated and billed an image. */
export type BilledErrorCode = {
  [C in ErrorCode]: (typeof errorTable)[C] extends { mayBeBilled: true } ? C : never
}[ErrorCode]

export const errorFamily = (code: ErrorCode): ErrorFamily => errorTable[code].family

export function isBilled(code: ErrorCode): code is BilledErrorCode {
  return 'mayBeBilled' in errorTable[code]
}

export interface ServiceErrorOptions {
  cause?: unknown
  /** Milliseconds after which a retry makes sense. */
  retryAfterMs?: number
  /** Facts for the log only: third-party text, statuses, request ids. The caller must redact and bound them. */
  detail?: Readonly<Record<string, unknown>>
  /** For the studio, beside the message. */
  studio?: StudioMeta
}

/** A failure with a row in the table. A model or a person reads the message. */
export class ServiceError extends AppError {
  override name = 'ServiceError'
  readonly code: ErrorCode
  readonly family: ErrorFamily
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined
  readonly detail: Readonly<Record<string, unknown>> | undefined
  readonly studio: StudioMeta | undefined

  /** The same error with more facts for the log. */
  withDetail(facts: Readonly<Record<string, unknown>>): ServiceError {
    const { cause, retryAfterMs } = this
    const options = { cause, detail: { ...facts, ...this.detail } }
    return new ServiceError(
      this.code,
      this.message,
      retryAfterMs === undefined ? options : { ...options, retryAfterMs },
    )
  }

  constructor(code: ErrorCode, message: string, options: ServiceErrorOptions = {}) {
    super(message, options)
    const { family, retryable } = errorTable[code]
    this.code = code
    this.family = family
    this.retryable = retryable
    this.retryAfterMs = options.retryAfterMs
    this.detail = options.detail
    this.studio = options.studio
  }
}

/** The message, unless it may quote what a client sent, which must not be logged. */
export function messageForLog({ code, message }: ServiceError): string | undefined {
  return errorTable[code].message.length === 0 ? message : undefined
}

/**
 * For `catch`, where something that is missing or that the client may not use does not exist for it.
 * @throws every other error
 */
export function ignoreInputError(error: unknown): undefined {
  if (error instanceof ServiceError && error.family === 'input') return undefined
  throw error
}

/** Creates the error of a row; `args` are the arguments of its message. */
export function serviceError<C extends ErrorCode>(
  code: C,
  args: Parameters<(typeof errorTable)[C]['message']>,
  options?: ServiceErrorOptions,
): ServiceError {
  const message: (...args: never[]) => string = errorTable[code].message
  return new ServiceError(code, message(...(args as never[])), options)
}
