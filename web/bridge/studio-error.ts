/**
 * Why a call has no result.
 * - `rejected`: the service said no; the message is its sentence
 * - `offline`: the response was lost or never came; a paid call may still have happened, so it is repeated with its key only
 * - `interrupted`: the host reported an error for a call, such as its own time-out, or the service one of its own; likewise.
 *   The message is theirs
 * - `unauthorized`: no API key, or a wrong one (in a browser the person is asked for it before this is thrown)
 * - `forbidden`: this caller, origin or host may not
 * - `rate-limited`: too many calls; `retryAfterMs`
 * - `unavailable`: the service is overloaded or is shutting down; `retryAfterMs`
 * - `unsupported`: the host does not pass calls or facts on
 * - `protocol`: the host or the service sent what the studio cannot read
 * - `aborted`: the studio itself gave up waiting
 */
export type StudioErrorKind =
  | 'rejected'
  | 'offline'
  | 'interrupted'
  | 'unauthorized'
  | 'forbidden'
  | 'rate-limited'
  | 'unavailable'
  | 'unsupported'
  | 'protocol'
  | 'aborted'

/** A failure that the person is shown: `errorText` (texts/error-text.ts) adds what to do, in their language. */
export class StudioError extends Error {
  override readonly name = 'StudioError'
  readonly kind: StudioErrorKind
  readonly retryAfterMs: number | undefined

  /** @param message a sentence of the service, or empty */
  constructor(kind: StudioErrorKind, message = '', retryAfterMs?: number) {
    super(message)
    this.kind = kind
    this.retryAfterMs = retryAfterMs
  }
}

/** Anything that was thrown, as a `StudioError`. */
export function toStudioError(error: unknown): StudioError {
  if (error instanceof StudioError) return error
  if (error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError')) {
    return new StudioError(error.name === 'AbortError' ? 'aborted' : 'offline')
  }
  return new StudioError('protocol', error instanceof Error ? error.message : '')
}

/** Whether the failure may pass by itself, so that the same call may succeed later. */
export const mayPass = ({ kind }: StudioError): boolean =>
  kind === 'offline' || kind === 'rate-limited' || kind === 'unavailable'

export const isAborted = (error: unknown): boolean => toStudioError(error).kind === 'aborted'
